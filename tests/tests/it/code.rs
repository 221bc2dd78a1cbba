//! Configuration as code: `apply`, `diff` and `export`, as the binary, against a server that runs.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use serde_json::{Value, json};
use tributary_proto::admin::v1::{
    ListDestinationsRequest, ListSourcesRequest, ListTenantsRequest, ListWorkflowsRequest,
};
use tributary_tests::{Database, Server, ServerBuilder, databases};

/// What no output may hold.
const CANARY: &str = "canary-signing-key-0123456789";
const CRM: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A command with these secrets in its environment and this on its standard input.
fn run_with(server: &Server, arguments: &[&str], secrets: &[(&str, &str)], input: &str) -> Output {
    let (command, arguments) = arguments.split_first().expect("a command");
    let mut process = server.builder().command(command);
    process.args(arguments).envs(secrets.iter().copied());
    process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = process.spawn().expect("the binary starts");
    // A command that does not read has closed it.
    let _ = process.stdin.take().expect("piped").write_all(input.as_bytes());
    let output = process.wait_with_output().expect("it ends");
    for (_, secret) in secrets {
        for told in [&output.stdout, &output.stderr] {
            assert!(!String::from_utf8_lossy(told).contains(secret), "a secret is shown: {arguments:?}");
        }
    }
    output
}

fn run(server: &Server, arguments: &[&str]) -> Output {
    run_with(server, arguments, &[("CALENDLY_SIGNING_KEY", CANARY), ("CRM_SIGNING", CRM)], "")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The report of a command that succeeds, or finds differences.
#[track_caller]
fn report(server: &Server, arguments: &[&str], code: i32) -> Value {
    let output = run(server, &[arguments, &["--output", "json"]].concat());
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}\n{}", said(&output), told(&output));
    serde_json::from_slice(&output.stdout).expect("a report")
}

/// Each step of a report in words.
fn steps(report: &Value) -> Vec<String> {
    let steps = report["steps"].as_array().expect("steps").iter();
    steps
        .map(|step| format!("{} {} {}", step["action"], step["resource"], step["key"]).replace('"', ""))
        .collect()
}

/// The example that the README shows.
fn example() -> String {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).expect("the README");
    let (_, rest) = readme.split_once("```yaml\n").expect("an example");
    rest.split_once("```").expect("its end").0.to_owned()
}

/// Writes a file beside the server's data, and gives its name.
fn file(server: &Server, name: &str, text: &str) -> String {
    let path: PathBuf = server.data().with_file_name(name);
    fs::write(&path, text).expect("a file");
    path.to_string_lossy().into_owned()
}

async fn with_agency(builder: ServerBuilder, agencies: &[&str]) -> Server {
    let server = builder.start().await;
    for key in agencies {
        let output = run(&server, &["bootstrap", "--agency", key, "--email", "o@example.com"]);
        assert!(output.status.success(), "{}", told(&output));
    }
    server
}

/// What a tenant has, by the API: sources, destinations, and workflows with their published versions.
async fn counts(server: &Server, key: &str) -> (usize, usize, Vec<(String, i32)>) {
    let request = ListTenantsRequest { parent: "agencies/-".to_owned(), ..Default::default() };
    let tenants = server.api().tenants().list_tenants(request).await.expect("tenants").into_inner().tenants;
    let parent = tenants.into_iter().find(|tenant| tenant.key == key).expect("the tenant").name;
    let request = ListSourcesRequest { parent: parent.clone(), ..Default::default() };
    let sources = server.api().sources().list_sources(request).await.expect("sources").into_inner().sources;
    let request = ListWorkflowsRequest { parent: format!("{parent}/sources/-"), ..Default::default() };
    let workflows = server.api().workflows().list_workflows(request).await.expect("workflows").into_inner();
    let request = ListDestinationsRequest { parent, ..Default::default() };
    let destinations = server.api().destinations().list_destinations(request).await;
    let destinations = destinations.expect("destinations").into_inner().destinations;
    let versions = workflows.workflows.into_iter().map(|it| (it.key, it.published_version)).collect();
    (sources.len(), destinations.len(), versions)
}

#[tokio::test]
async fn a_file_is_applied_once_changed_and_pruned() {
    for database in databases() {
        println!("on {}", database.kind());
        let server = with_agency(ServerBuilder::on(database), &["house"]).await;
        let text = example();
        let tenant = file(&server, "tenant.yaml", &text);

        let planned = report(&server, &["diff", "-f", &tenant], 2);
        let all = [
            "create tenant ",
            "create destination crm",
            "create source calendly",
            "create workflow calendly/booking",
            "publish workflow calendly/booking",
        ];
        assert_eq!(steps(&planned), all);
        let unasked = run(&server, &["apply", "-f", &tenant]);
        assert!(!unasked.status.success() && told(&unasked).contains("say --yes"), "{}", told(&unasked));
        let done = report(&server, &["apply", "-f", &tenant, "--yes"], 0);
        assert_eq!(steps(&done), all);
        assert!(
            done["steps"].as_array().expect("steps").iter().all(|step| step["state"] == "DONE"),
            "{done}"
        );
        let url = done["steps"][2]["webhook_url"].as_str().expect("shown once");
        assert!(url.contains("/in/"));
        assert_eq!(counts(&server, "brightwater").await, (1, 1, vec![("booking".to_owned(), 1)]));

        assert!(steps(&report(&server, &["apply", "-f", &tenant, "--prune"], 0)).is_empty(), "nothing to do");
        let again = run(&server, &["diff", "-f", &tenant]);
        assert!(again.status.success() && said(&again).contains("nothing to do"), "{}", said(&again));

        let changed = text
            .replace("Europe/London", "Europe/Paris")
            .replace("Schedule: Booked", "Schedule: Reserved")
            .replace("right: [invitee.created]", "right: [invitee.canceled]")
            .replace("    display_name: Calendly\n", "");
        fs::write(&tenant, &changed).expect("a file");
        let shown = run(&server, &["diff", "-f", &tenant]);
        assert_eq!(shown.status.code(), Some(2), "{}", told(&shown));
        let shown = said(&shown);
        for line in [
            "~ update tenant",
            r#"    settings.time_zone  "Europe/London" → "Europe/Paris""#,
            r#"    event_names.Schedule  "Booked" → "Reserved""#,
            r#"    display_name  "Calendly" → "calendly""#,
            r#"    spec.filter.nodes[0].condition.right[0]  "invitee.created" → "invitee.canceled""#,
            "↑ publish workflow calendly/booking",
            "4 to update, 1 to publish, 0 unchanged",
        ] {
            assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
        }
        report(&server, &["apply", "-f", &tenant, "--yes"], 0);
        assert_eq!(counts(&server, "brightwater").await.2, [("booking".to_owned(), 2)]);

        let (head, _) = changed.split_once("    workflows:\n").expect("workflows");
        let more = format!("{head}    workflows: []\n  - {{ key: other, provider: custom }}\n");
        fs::write(&tenant, more.replace("key: crm", "key: crm2")).expect("a file");
        let kept = report(&server, &["apply", "-f", &tenant, "--yes"], 0);
        assert_eq!(steps(&kept), ["create destination crm2", "create source other"]);
        assert_eq!(kept["kept"], json!(["destination crm", "workflow calendly/booking"]));
        let pruned = report(&server, &["apply", "-f", &tenant, "--yes", "--prune"], 0);
        assert_eq!(steps(&pruned), ["delete workflow calendly/booking", "delete destination crm"]);
        assert_eq!(pruned["steps"][0]["with_it"]["workflowVersionCount"], "2", "{pruned}");
        assert_eq!(counts(&server, "brightwater").await, (2, 1, vec![]));
        assert!(!server.log().contains(CANARY) && !server.log().contains(CRM));
    }
}

/// More of everything than the README shows.
const RICH: &str = r#"
tributary: v1
tenant: { key: rich, display_name: "Rich: & odd", settings: { blocked_values: ["a b", "007"], strong_limit: 3, personal_data_role: editor } }
sources:
  - key: forms
    provider: custom
    display_name: "null"
    body_limit: 4096
    signing_keys: []
    workflows:
      - key: second
        order: 5
        delay: 90s
        publish: false
        spec: { kind: identify }
      - key: first
        order: -1
        spec:
          for_each: { jsonpath: "$.items[*]", pick: all }
          event_name: { id: n, target: event_name, inputs: [{ template: "x {{ $.a }}" }], on_empty: fail }
          identifiers:
            - id: email
              target: email
              primary: true
              inputs: [{ answer: { question: "E-mail?", matching: prefix } }, { path: { jsonpath: $.email, pick: only } }]
              steps:
                - { id: a, split: { separator: ",", index: 0 } }
                - { id: b, lookup: { table: { "a.b": 1, c: null, d: [true, 1.5] }, otherwise: "no" } }
                - { id: c, to_date: { pattern: "%Y-%m-%d" } }
                - { id: d, default: { value: { x: ~ } } }
              when: { logic: none, nodes: [{ id: g, group: { logic: any, nodes: [] } }] }
        draft:
          event_name: { id: n, target: event_name, inputs: [{ constant: 5 }] }
      - { key: third, spec: { event_name: { id: n, target: event_name, inputs: [{ constant: 2024-01-01 }] },
          identifiers: [{ id: i, target: email, primary: true, inputs: [{ path: $.e }] }] } }
  - { key: empty, provider: custom, settings: {} }
destinations:
  - key: hook
    platform: webhook
    settings: { url: "https://example.com/a?b=c#d" }
    secrets: { signing: { file: hook.key } }
    filter: { logic: any, nodes: [{ id: f, condition: { left: { path: $.event_name }, op: in, right: [a, b] } }] }
    consent: { purposes: [ads, "odd purpose: #1"], when_unknown: allow }
    event_names: { "odd name: #1": yes }
"#;

#[tokio::test]
async fn what_is_exported_is_what_is_there_and_makes_the_same_elsewhere() {
    for database in databases() {
        println!("on {}", database.kind());
        let server = with_agency(ServerBuilder::on(database), &["one", "two"]).await;
        let rich = file(&server, "rich.yaml", RICH);
        file(&server, "hook.key", &format!("{CRM}\n"));
        let done = report(&server, &["apply", "-f", &rich, "--agency", "one", "-y"], 0);
        assert!(done["steps"].as_array().expect("steps").len() >= 9, "{done}");
        assert!(steps(&report(&server, &["diff", "-f", &rich], 0)).is_empty());

        let exported = said(&run(&server, &["export", "--tenant", "rich"]));
        assert!(exported.contains("# secrets are not exported"), "{exported}");
        assert!(exported.contains("signing: { env: DESTINATION_HOOK_SIGNING }"), "{exported}");
        assert!(!exported.contains("LaSw"), "not even its end");
        let same = run_with(&server, &["apply", "-f", "-", "--prune"], &[], &exported);
        assert!(same.status.success() && said(&same).contains("nothing to do"), "{}", said(&same));
        let json = said(&run(&server, &["export", "--tenant", "rich", "--output", "json"]));
        let same = run_with(&server, &["diff", "-f", "-", "--prune"], &[], &json);
        assert!(same.status.success(), "{}", said(&same));

        let elsewhere = ["apply", "-f", "-", "--agency", "two", "--tenant", "copy", "--yes"];
        let refused = run_with(&server, &elsewhere, &[], &exported);
        let place = "standard input:";
        let missing = "destinations[0]: the secret $DESTINATION_HOOK_SIGNING is not here: set it";
        assert!(told(&refused).contains(place) && told(&refused).contains(missing), "{}", told(&refused));
        let copied = run_with(&server, &elsewhere, &[("DESTINATION_HOOK_SIGNING", CRM)], &exported);
        assert!(copied.status.success(), "{}", told(&copied));
        let copy = said(&run(&server, &["export", "--tenant", "copy"]));
        assert_eq!(copy.replace("key: copy", "key: rich"), exported);
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_with_its_file_line_and_path() {
    let server = with_agency(ServerBuilder::on(Database::sqlite()), &["house"]).await;
    let text = example();
    for (name, wrong, right, line, fault) in [
        (
            "unknown",
            "op: equals",
            "ops: equals",
            "condition:",
            "sources[0].workflows[0].spec.filter.nodes[0].condition.ops: there is no such field; there are left, op, right",
        ),
        ("value", "op: equals", "op: same", "condition:", "condition.op: expected one of equals, not_equals"),
        (
            "secret",
            "{ env: CRM_SIGNING }",
            "plain-text-secret",
            "signing:",
            "destinations[0].secrets.signing: a secret is said by reference",
        ),
        ("version", "tributary: v1", "tributary: v9", "tributary: v9", "tributary: this build reads v1 only"),
        ("yaml", "op: equals", "op: [equals", "condition:", "not YAML"),
    ] {
        let broken = text.replace(wrong, right);
        let file = file(&server, &format!("{name}.yaml"), &broken);
        let number = 1 + broken.lines().position(|it| it.contains(line)).expect("the line");
        let output = run(&server, &["apply", "-f", &file, "--yes"]);
        assert_eq!(output.status.code(), Some(1));
        let place = if name == "yaml" { format!("{file}:") } else { format!("{file}:{number}: ") };
        assert!(
            told(&output).contains(&place) && told(&output).contains(fault),
            "{name}: {place} {}",
            told(&output)
        );
        assert!(!told(&output).contains("plain-text-secret"));
    }
    // What only the server knows is told with the place too, and what was done before.
    for (name, wrong, right, fault) in [
        (
            "limit",
            "provider: calendly\n",
            "provider: calendly\n    body_limit: 5\n",
            "sources[0].body_limit: 1024 to ",
        ),
        ("problem", "target: email", "target: emall", "sources[0].workflows[0].spec.identifiers[1]"),
    ] {
        let broken = text.replace(wrong, right).replace("brightwater", name);
        let file = file(&server, &format!("{name}.yaml"), &broken);
        let output = run(&server, &["apply", "-f", &file, "--yes"]);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(
            told(&output).contains(&format!("{file}:")) && told(&output).contains(fault),
            "{}",
            told(&output)
        );
        let shown = said(&output);
        assert!(
            shown.contains("done      create destination crm") && shown.contains("failed    "),
            "{shown}"
        );
        let mended = text.replace("brightwater", name);
        fs::write(&file, mended).expect("a file");
        report(&server, &["apply", "-f", &file, "--yes"], 0);
        assert_eq!(counts(&server, name).await, (1, 1, vec![("booking".to_owned(), 1)]));
    }
    let twice = file(&server, "twice.yaml", &text);
    let output = run(&server, &["diff", "-f", &twice, "-f", &twice]);
    assert!(told(&output).contains("destination crm has this key already, at "), "{}", told(&output));
}

#[tokio::test]
async fn a_folder_is_read_and_secrets_are_sent_when_they_changed() {
    let server = with_agency(ServerBuilder::on(Database::sqlite()), &["house"]).await;
    let text = example();
    let (head, sources) = text.split_once("sources:\n").expect("sources");
    let folder = server.data().with_file_name("config");
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("1.yaml"), head).expect("a file");
    fs::write(folder.join("2.yml"), format!("tributary: v1\nsources:\n{sources}")).expect("a file");
    fs::write(folder.join("notes.txt"), "{").expect("a file");
    let folder = folder.to_string_lossy().into_owned();
    let done = report(&server, &["apply", "-f", &folder, "--yes"], 0);
    assert_eq!(steps(&done).len(), 5);

    let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let secrets = [("CALENDLY_SIGNING_KEY", CANARY), ("CRM_SIGNING", other)];
    let shown = run_with(&server, &["diff", "-f", &folder], &secrets, "");
    assert_eq!(shown.status.code(), Some(2));
    assert!(said(&shown).contains("secrets: set from $CRM_SIGNING"), "{}", said(&shown));
    assert!(run_with(&server, &["apply", "-f", &folder, "-y"], &secrets, "").status.success());
    assert!(run_with(&server, &["diff", "-f", &folder], &secrets, "").status.success());
    let absent = run_with(&server, &["diff", "-f", &folder], &[], "");
    assert!(absent.status.success(), "what is not here is left as it is: {}", told(&absent));
    let again = run_with(&server, &["diff", "-f", &folder, "--resend-secrets"], &secrets, "");
    assert_eq!(again.status.code(), Some(2), "{}", said(&again));
}
