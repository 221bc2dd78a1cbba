"""Sends one Calendly booking through Tributary, and shows what became of it.

It makes a tenant, a source and a workflow, posts a booking as Calendly would, waits until that is processed, and prints
its trace: who it was, which event was made of it, and where that went.
"""

import hashlib
import hmac
import json
import secrets
import sys
import time
import urllib.request

import grpc

import client

# How long processing may take, in seconds; usually it is milliseconds.
PATIENCE = 30

api = client.contract()


def main():
    channel = client.connect()
    made = new_tenant(channel)
    webhook_url, key, source_name = new_source(channel, made)
    publish_workflow(channel, source_name)

    log_service = api.LogServiceStub(channel)
    # Whoever listens before the booking is sent misses nothing. The stream is open once its first metadata is here.
    tail = log_service.Tail(api.TailRequest(parent=source_name, messages_only=True), timeout=PATIENCE)
    tail.initial_metadata()
    message_id = post(webhook_url, key, booking())
    print(f"accepted {message_id}")
    for told in tail:
        if told.message.message_id == message_id:
            tail.cancel()
            break
    show(log_service.GetMessageTrace(api.GetMessageTraceRequest(name=message_id)))


def new_tenant(channel):
    """The name of a tenant of its own, in an agency that all examples share."""
    service = api.AgencyServiceStub(channel)
    # A list comes in pages; the examples' agency is among the first, or is made.
    known = service.ListAgencies(api.ListAgenciesRequest(page_size=200)).agencies
    found = [one.name for one in known if one.key == "examples"]
    if not found:
        wanted = api.Agency(key="examples", display_name="Examples")
        found = [service.CreateAgency(api.CreateAgencyRequest(agency=wanted)).name]
    wanted = api.Tenant(
        key=f"python-{secrets.token_hex(4)}",
        display_name="Python example",
        settings=api.TenantSettings(default_country="US"),
    )
    request = api.CreateTenantRequest(parent=found[0], tenant=wanted)
    return api.TenantServiceStub(channel).CreateTenant(request).name


def new_source(channel, parent):
    """The webhook URL of a new Calendly source, the key that its sender signs with, and the source's name."""
    key = secrets.token_hex(16)
    wanted = api.Source(key="calendly", display_name="Calendly", provider="calendly")
    request = api.CreateSourceRequest(parent=parent, source=wanted, signing_keys=[key])
    # The URL holds a secret and is not shown again.
    made = api.SourceServiceStub(channel).CreateSource(request)
    return made.webhook_url, key, made.source.name


def publish_workflow(channel, parent):
    """Makes a workflow and puts it in force."""
    service = api.WorkflowServiceStub(channel)
    # Without a draft of one's own it begins as the provider's first preset: bookings become `Schedule` events.
    wanted = api.Workflow(key="bookings", display_name="Bookings")
    made = service.CreateWorkflow(api.CreateWorkflowRequest(parent=parent, workflow=wanted))
    # With the etag, exactly what was just read is published, or nothing.
    service.PublishWorkflow(api.PublishWorkflowRequest(name=made.name, etag=made.etag))


def booking():
    """What Calendly sends when somebody books, as far as the preset looks at it."""
    event = f"https://api.calendly.com/scheduled_events/{secrets.token_hex(8)}"
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {
        "event": "invitee.created",
        "created_at": now,
        "payload": {
            "uri": f"{event}/invitees/{secrets.token_hex(8)}",
            "created_at": now,
            "email": "ann@example.com",
            "name": "Ann Example",
            "text_reminder_number": "+1 404-555-0142",
            # The visitor's id rides on the link to the calendar: it ties the booking to a browser session.
            "tracking": {"utm_source": "newsletter", "utm_term": "trb_01h8xkq7v2m3n4p5r6s7t8v9w0"},
            "scheduled_event": {"uri": event, "name": "Discovery call", "start_time": now},
        },
    }


def post(url, key, body):
    """Posts a booking, signed as Calendly signs, and returns the id of the message that it became."""
    body, now = json.dumps(body).encode(), str(int(time.time()))
    signature = hmac.new(key.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "calendly-webhook-signature": f"t={now},v1={signature}"}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10) as answer:
        return json.load(answer)["message_id"]


def show(trace):
    """Prints a message's whole life."""
    print(f"{trace.message.message_id} · {trace.message.provider_event} · {trace.message.status.display_name}")
    for run in trace.runs:
        print(f"└─ workflow {run.workflow_display_name} · {run.run.status.display_name}")
        for event in run.events:
            print(f"   └─ event {event.event.event_name} · {event.event.name.rsplit('/', 1)[1]}")
            who = "a new person" if event.identity.created else "a known person"
            print(f"      ├─ {who} · {event.identity.profile.rsplit('/', 1)[1]}")
            for step in event.identity.steps:
                print(f"      │  · {step.text}")
            for found in event.deliveries:
                print(f"      └─ delivery {found.destination_display_name} · {found.delivery.name.rsplit('/', 1)[1]}")


if __name__ == "__main__":
    try:
        main()
    except grpc.RpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")
