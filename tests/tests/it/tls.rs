//! TLS at the door and at the admin API, as people and programs use them.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, process::Output};

use serde_json::Value;
use tempfile::TempDir;
use tributary_tests::{Database, Language, Server, ServerBuilder, eventually};

/// The files of a certificate for this machine.
struct Certificate {
    folder: TempDir,
}

impl Certificate {
    fn new() -> Self {
        let own = Self { folder: tempfile::tempdir().unwrap() };
        own.renew();
        own
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    /// Another certificate in the same files.
    fn renew(&self) {
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        fs::write(self.file(), made.cert.pem()).unwrap();
        fs::write(self.key(), made.signing_key.serialize_pem()).unwrap();
        fs::set_permissions(self.key(), fs::Permissions::from_mode(0o640)).unwrap();
    }

    /// A server that shows it at both listeners.
    async fn serve(&self) -> Server {
        let (file, key) = (self.file(), self.key());
        let (file, key) = (file.to_str().unwrap(), key.to_str().unwrap());
        ServerBuilder::on(Database::sqlite())
            .set("TRIBUTARY_HTTP__TLS_CERTIFICATE", file)
            .set("TRIBUTARY_HTTP__TLS_KEY", key)
            .set("TRIBUTARY_ADMIN__TLS_CERTIFICATE", file)
            .set("TRIBUTARY_ADMIN__TLS_KEY", key)
            .start()
            .await
    }
}

/// What a command does at this server.
fn run(server: &Server, arguments: &[&str]) -> Output {
    let mut command = server.builder().command(arguments[0]);
    command.args(&arguments[1..]).args(["--output", "json"]).output().expect("the binary starts")
}

/// What `doctor` found, by what it looked at.
fn finding(server: &Server, what: &str) -> Value {
    let output = run(server, &["doctor"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut findings = said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    findings.find(|found| found["check"] == what).unwrap_or_else(|| panic!("no {what} in {said}"))
}

#[tokio::test]
async fn commands_know_the_certificate_of_their_own_server_and_others_have_to_be_told() {
    let certificate = Certificate::new();
    let server = certificate.serve().await;
    let own = run(&server, &["tenants", "list"]);
    assert!(own.status.success(), "{own:?}");
    for what in ["server", "admin token", "TLS of API", "TLS of door"] {
        assert_eq!(finding(&server, what)["state"], "OK", "{what}");
    }

    let address = format!("https://{}", server.admin());
    let asked = |ca: &[&str]| run(&server, &[&["tenants", "list", "--address", &address], ca].concat());
    let other = Certificate::new();
    assert!(asked(&["--ca", certificate.file().to_str().unwrap()]).status.success());
    for ca in [vec![], vec!["--ca", other.file().to_str().unwrap()]] {
        let refused = asked(&ca);
        let told = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && told.contains("no TLS with"), "{told}");
    }
    let clear = run(&server, &["tenants", "list", "--address", &server.admin().to_string()]);
    assert!(!clear.status.success(), "nothing is spoken in the clear");

    let url = format!("https://{}/in/unknown", server.http());
    let sent = run(&server, &["send", "--url", &url, "--ca", certificate.file().to_str().unwrap()]);
    let said = String::from_utf8_lossy(&sent.stdout).into_owned();
    assert!(said.contains("404"), "the door answers: {sent:?}");
}

#[tokio::test]
async fn a_new_certificate_is_taken_without_a_restart_and_a_bad_one_is_not() {
    let certificate = Certificate::new();
    let server = certificate.serve().await;
    let answers = || run(&server, &["tenants", "list"]).status.success();
    assert!(answers());
    certificate.renew();
    // Commands trust what is in the file, so they are answered once the server shows it.
    eventually("the new certificate is in force", async || answers().then_some(())).await;

    fs::write(certificate.key(), "no key").unwrap();
    eventually("the log tells of it", async || {
        server.log().contains("the new certificate cannot be used: the old one stays in force").then_some(())
    })
    .await;
    assert!(answers(), "the old one stays in force");
    let found = finding(&server, "TLS of API");
    assert_eq!(found["state"], "FAIL");
    assert!(found["detail"].as_str().unwrap().contains("key.pem"), "{found}");
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_stops_the_start_with_one_line() {
    let certificate = Certificate::new();
    fs::write(certificate.key(), "no key").unwrap();
    let builder = ServerBuilder::on(Database::sqlite());
    let mut command = builder.command("serve");
    command.env("TRIBUTARY_ADMIN__TLS_CERTIFICATE", certificate.file());
    let ended = command.env("TRIBUTARY_ADMIN__TLS_KEY", certificate.key()).output().expect("it ends");
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!ended.status.success());
    let last = told.lines().last().unwrap_or_default();
    assert!(last.starts_with("error: the admin API cannot speak TLS") && last.contains("key.pem"), "{told}");
}

#[tokio::test]
async fn clients_in_other_languages_speak_tls() {
    let certificate = Certificate::new();
    let server = certificate.serve().await;
    let (file, data) = (certificate.file(), server.data().join("descriptors.binpb"));
    let file = file.to_str().unwrap();
    let more = [("TRIBUTARY_CA", file), ("SSL_CERT_FILE", file)];
    if let Some(said) = server.example(Language::Python, "booking.py", &more) {
        assert!(said.contains("invitee.created · Succeeded"), "{said}");
    }
    assert!(server.builder().command("proto").arg(&data).status().unwrap().success());
    let address = format!("https://{}", server.admin());
    let more = [
        ("TRIBUTARY_ADDRESS", &*address),
        ("TRIBUTARY_DESCRIPTORS", data.to_str().unwrap()),
        ("NODE_EXTRA_CA_CERTS", file),
    ];
    if let Some(said) = server.example(Language::Node, "booking.js", &more) {
        assert!(said.contains("invitee.created · Succeeded"), "{said}");
    }
}
