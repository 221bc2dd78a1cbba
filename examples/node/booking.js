// Sends one Calendly booking through Tributary, and shows what became of it.
//
// It makes a tenant, a source and a workflow, posts a booking as Calendly would, waits until that is processed, and
// prints its trace: who it was, which event was made of it, and where that went.

import { createHmac, randomBytes } from "node:crypto";
import { ConnectError, Code } from "@connectrpc/connect";
import { connect } from "./client.js";

/** How long processing may take, in milliseconds; usually it is a few. */
const PATIENCE = 30_000;

const random = () => randomBytes(8).toString("hex");

async function main() {
  const service = connect();
  const tenant = await newTenant(service);
  const { source, webhookUrl, key } = await newSource(service, tenant);
  await publishWorkflow(service, source);

  const logs = service("LogService");
  // Whoever listens before the booking is sent misses nothing: it is posted when the stream is open.
  let posted;
  const tail = logs.tail(
    { parent: source.name, messagesOnly: true },
    { timeoutMs: PATIENCE, onHeader: () => (posted = post(webhookUrl, key, booking())) },
  );
  for await (const told of tail) {
    if (told.entry.case === "message" && told.entry.value.messageId === (await posted)) break;
  }
  show(await logs.getMessageTrace({ name: await posted }));
}

/** The name of a tenant of its own, in an agency that all examples share. */
async function newTenant(service) {
  // A list comes in pages; the examples' agency is among the first, or is made.
  const { agencies } = await service("AgencyService").listAgencies({ pageSize: 200 });
  const agency =
    agencies.find(({ key }) => key === "examples") ??
    (await service("AgencyService").createAgency({ agency: { key: "examples", displayName: "Examples" } }));
  const tenant = {
    key: `node-${random()}`,
    displayName: "Node example",
    settings: { defaultCountry: "US" },
  };
  return (await service("TenantService").createTenant({ parent: agency.name, tenant })).name;
}

/** A new Calendly source, its webhook URL, and the key that its sender signs with. */
async function newSource(service, parent) {
  const key = random() + random();
  const source = { key: "calendly", displayName: "Calendly", provider: "calendly" };
  // The URL holds a secret and is not shown again.
  const made = await service("SourceService").createSource({ parent, source, signingKeys: [key] });
  return { source: made.source, webhookUrl: made.webhookUrl, key };
}

/** Makes a workflow of the provider's preset for bookings, and puts it in force. */
async function publishWorkflow(service, source) {
  const { providers } = await service("SourceService").listProviders({});
  const presets = providers.find(({ id }) => id === source.provider).presets;
  const preset = presets.find(({ key }) => key === "calendly_booking");
  const workflow = { key: preset.key, displayName: preset.displayName, draft: preset.spec };
  const made = await service("WorkflowService").createWorkflow({ parent: source.name, workflow });
  // With the etag, exactly what was just read is published, or nothing.
  await service("WorkflowService").publishWorkflow({ name: made.name, etag: made.etag });
}

/** What Calendly sends when somebody books, as far as the preset looks at it. */
function booking() {
  const event = `https://api.calendly.com/scheduled_events/${random()}`;
  const now = new Date().toISOString();
  return {
    event: "invitee.created",
    created_at: now,
    payload: {
      uri: `${event}/invitees/${random()}`,
      created_at: now,
      email: "ann@example.com",
      name: "Ann Example",
      text_reminder_number: "+1 404-555-0142",
      // The visitor's id rides on the link to the calendar: it ties the booking to a browser session.
      tracking: { utm_source: "newsletter", utm_term: "trb_01h8xkq7v2m3n4p5r6s7t8v9w0" },
      scheduled_event: { uri: event, name: "Discovery call", start_time: now },
    },
  };
}

/** Posts a booking, signed as Calendly signs, and returns the id of the message that it became. */
async function post(url, key, booking) {
  const body = JSON.stringify(booking);
  const now = Math.floor(Date.now() / 1000);
  const signature = createHmac("sha256", key).update(`${now}.${body}`).digest("hex");
  const headers = {
    "content-type": "application/json",
    "calendly-webhook-signature": `t=${now},v1=${signature}`,
  };
  const answer = await fetch(url, { method: "POST", headers, body });
  if (!answer.ok) throw new Error(`the webhook was answered ${answer.status}: ${await answer.text()}`);
  const { message_id } = await answer.json();
  console.log(`accepted ${message_id}`);
  return message_id;
}

/** Prints a message's whole life. */
function show({ message, runs }) {
  const id = (name) => name.slice(name.lastIndexOf("/") + 1);
  console.log(`${message.messageId} · ${message.providerEvent} · ${message.status.displayName}`);
  for (const { workflowDisplayName, run, events } of runs) {
    console.log(`└─ workflow ${workflowDisplayName} · ${run.status.displayName}`);
    for (const { event, identity, deliveries } of events) {
      console.log(`   └─ event ${event.eventName} · ${id(event.name)}`);
      console.log(`      ├─ ${identity.created ? "a new person" : "a known person"} · ${id(identity.profile)}`);
      for (const { text } of identity.steps) console.log(`      │  · ${text}`);
      for (const { destinationDisplayName, delivery } of deliveries) {
        console.log(`      └─ delivery ${destinationDisplayName} · ${id(delivery.name)}`);
      }
    }
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof ConnectError)) throw error;
  console.error(`${Code[error.code]}: ${error.rawMessage}`);
  process.exitCode = 1;
}
