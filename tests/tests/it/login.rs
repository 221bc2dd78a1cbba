//! `login`, `logout` and contexts, as the binary, against a server that runs.

use std::{
    env, fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
};

use serde_json::{Value, json};
use tributary_proto::admin::v1::{EndSessionRequest, RefreshSessionRequest};
use tributary_tests::{Server, ServerBuilder, binary, databases};

const PASSWORD: &str = "correct horse battery staple";
const EMAIL: &str = "owner@example.com";

/// A person at another machine: with a configuration folder of their own, and without the server's data folder.
struct Person<'a> {
    server: &'a Server,
    home: PathBuf,
}

impl<'a> Person<'a> {
    fn new(server: &'a Server, name: &str) -> Self {
        let home = server.data().with_file_name(name);
        fs::create_dir_all(&home).expect("a folder");
        Self { server, home }
    }

    fn begin(&self, arguments: &[&str], input: &str) -> Child {
        let mut command = Command::new(binary());
        for (name, _) in env::vars().filter(|(name, _)| name.starts_with("TRIBUTARY_")) {
            command.env_remove(name);
        }
        command.args(arguments).current_dir(&self.home).env("HOME", &self.home).env_remove("XDG_CONFIG_HOME");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("the binary starts");
        // A command that does not read has closed it.
        let _ = process.stdin.take().expect("piped").write_all(input.as_bytes());
        process
    }

    fn end(&self, process: Child) -> Output {
        let output = process.wait_with_output().expect("it ends");
        let shown =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        for secret in self.secrets() {
            assert!(!shown.contains(&secret), "a secret is shown: {shown}");
        }
        assert!(!shown.contains(PASSWORD));
        output
    }

    fn run(&self, arguments: &[&str], input: &str) -> Output {
        let process = self.begin(arguments, input);
        self.end(process)
    }

    /// What a command that succeeds writes.
    #[track_caller]
    fn ask(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments, "");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {told}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What a command that fails says.
    #[track_caller]
    fn refused(&self, arguments: &[&str], input: &str) -> String {
        let output = self.run(arguments, input);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    #[track_caller]
    fn login(&self, name: &str) {
        let server = format!("http://{}", self.server.admin());
        let arguments =
            ["login", "--server", &server, "--context", name, "--email", EMAIL, "--password-stdin"];
        let output = self.run(&arguments, &format!("{PASSWORD}\n"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn file(&self) -> PathBuf {
        self.home.join(".config/tributary/contexts.json")
    }

    fn contexts(&self) -> Value {
        fs::read(self.file()).map_or(Value::Null, |bytes| serde_json::from_slice(&bytes).expect("JSON"))
    }

    fn secrets(&self) -> Vec<String> {
        let contexts = self.contexts();
        let contexts = contexts["contexts"].as_object().into_iter().flatten();
        let credentials = contexts.map(|(_, context)| context["credentials"].clone());
        let secret = |credentials: &Value, name: &str| credentials[name].as_str().map(str::to_owned);
        credentials
            .flat_map(|it| ["refresh_token", "access_token", "token"].map(|name| secret(&it, name)))
            .flatten()
            .collect()
    }

    fn refresh_token(&self, name: &str) -> String {
        let token = &self.contexts()["contexts"][name]["credentials"]["refresh_token"];
        token.as_str().expect("a session").to_owned()
    }

    /// As it is some minutes later: the access token has run out.
    fn later(&self, name: &str) {
        let mut contexts = self.contexts();
        contexts["contexts"][name]["credentials"]["access_expires"] = json!(0);
        fs::write(self.file(), contexts.to_string()).expect("written");
    }
}

/// A server with an agency that has an owner, and a tenant.
async fn with_owner(builder: ServerBuilder) -> Server {
    let server = builder.start().await;
    let mut process = server.builder().command("bootstrap");
    process.args(["--agency", "house", "--email", EMAIL, "--password-stdin"]).stdin(Stdio::piped());
    let mut process = process.stdout(Stdio::null()).spawn().expect("the binary starts");
    process.stdin.take().expect("piped").write_all(PASSWORD.as_bytes()).expect("is read");
    assert!(process.wait().expect("it ends").success());
    let mut apply = server.builder().command("apply");
    apply.args(["-f", "-", "--yes"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut apply = apply.spawn().expect("the binary starts");
    let file = "tributary: v1\ntenant: { key: shop }\n";
    apply.stdin.take().expect("piped").write_all(file.as_bytes()).expect("is read");
    assert!(apply.wait().expect("it ends").success());
    server
}

async fn refresh(server: &Server, refresh_token: String) -> Result<(), tonic::Status> {
    server.api().auth().refresh_session(RefreshSessionRequest { refresh_token }).await.map(drop)
}

#[tokio::test]
async fn a_session_goes_on_whatever_commands_do_at_once_and_ends_with_logout() {
    for database in databases() {
        println!("on {}", database.kind());
        let server = with_owner(ServerBuilder::on(database)).await;
        let person = Person::new(&server, "ann");
        let nobody = person.refused(&["tenants", "list"], "");
        assert!(nobody.contains("no admin token"), "{nobody}");
        person.login("work");
        let mode = fs::metadata(person.file()).expect("the file").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        assert!(person.ask(&["tenants", "list"]).contains("shop"));
        let caller = person.ask(&["context", "show", "--output", "json"]);
        assert!(caller.contains(EMAIL) && caller.contains("session"), "{caller}");

        let first = person.refresh_token("work");
        assert!(person.ask(&["tenants", "list"]).contains("shop"));
        assert_eq!(person.refresh_token("work"), first, "an access token is used while it is good");
        for _ in 0..2 {
            let before = person.refresh_token("work");
            person.later("work");
            let all: Vec<Child> = (0..6).map(|_| person.begin(&["tenants", "list"], "")).collect();
            for process in all {
                let output = person.end(process);
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            }
            assert_ne!(person.refresh_token("work"), before, "it works once");
        }

        let last = person.refresh_token("work");
        person.ask(&["logout"]);
        assert!(refresh(&server, last).await.is_err(), "the session has ended");
        let told = person.refused(&["tenants", "list"], "");
        assert!(told.contains("nobody is signed in to the context `work`"), "{told}");
        let again =
            person.run(&["login", "--context", "work", "--email", EMAIL, "--password-stdin"], PASSWORD);
        assert!(again.status.success(), "the server is known: {}", String::from_utf8_lossy(&again.stderr));

        let refresh_token = person.refresh_token("work");
        server.api().auth().end_session(EndSessionRequest { refresh_token }).await.expect("it ends");
        person.later("work");
        let over = person.refused(&["tenants", "list"], "");
        assert!(over.contains("the session of the context `work` is over: sign in again"), "{over}");
        assert!(!server.log().contains(PASSWORD));
    }
}

#[tokio::test]
async fn contexts_are_chosen_shown_and_forgotten() {
    let server = with_owner(ServerBuilder::on(tributary_tests::Database::sqlite())).await;
    let person = Person::new(&server, "ann");
    let address = format!("http://{}", server.admin());
    let wrong = ["login", "--server", &address, "--email", EMAIL, "--password-stdin"];
    let told = person.refused(&wrong, "a wrong password\n");
    assert!(told.contains("password") && !person.file().exists(), "{told}");
    let far = ["login", "--server", "http://192.0.2.1:8090", "--email", EMAIL, "--password-stdin"];
    assert!(person.refused(&far, PASSWORD).contains("without TLS"));

    person.login("work");
    let made = person.ask(&["api-keys", "create", "reports", "--grant", "shop=viewer", "--output", "json"]);
    let made: Value = serde_json::from_str(&made).expect("JSON");
    let secret = made["secret"].as_str().expect("its secret");
    person.ask(&[
        "login",
        "--server",
        &address,
        "--context",
        "reports",
        "--token",
        secret,
        "--tenant",
        "shop",
    ]);
    let listed = person.ask(&["context", "list"]);
    assert!(listed.lines().any(|line| line.contains("*") && line.contains("reports")), "{listed}");
    assert!(listed.contains("work") && listed.contains(EMAIL), "{listed}");
    let denied = person.refused(&["members", "list"], "");
    assert!(denied.contains("AGENCY_ADMIN"), "a key's: {denied}");
    assert!(person.ask(&["members", "list", "--context", "work"]).contains(EMAIL));
    assert!(person.ask(&["export"]).contains("key: shop"), "the tenant of the context");
    person.ask(&["context", "use", "work"]);
    assert!(person.ask(&["members", "list"]).contains(EMAIL));
    assert!(
        person.refused(&["tenants", "list", "--context", "none"], "").contains("there are reports, work")
    );
    let both = person.refused(&["tenants", "list", "--context", "work", "--address", &address], "");
    assert!(both.contains("says a server already"), "{both}");
    assert!(person.refused(&["tenants", "list", "--address", &address], "").contains("no admin token"));
    let data = server.data().to_string_lossy().into_owned();
    assert!(person.ask(&["tenants", "list", "--data-dir", &data]).contains("shop"), "its own token");
    person.ask(&["context", "use", "local"]);
    assert!(person.refused(&["tenants", "list"], "").contains("no admin token"));

    let session = person.refresh_token("work");
    person.ask(&["context", "delete", "work"]);
    assert!(refresh(&server, session).await.is_err(), "its session has ended");
    assert_eq!(person.ask(&["context", "list", "--output", "json"]).lines().count(), 1);
    fs::set_permissions(person.file(), fs::Permissions::from_mode(0o644)).expect("changed");
    let told = person.refused(&["tenants", "list", "--context", "reports"], "");
    assert!(told.contains("can be read by others (mode 644): run chmod 600"), "{told}");
}
