//! The README's tour: each of its commands is run as it stands there, and shows what it says.

use std::{fs, path::Path, process::Command};

use regex::Regex;
use tributary_tests::{Server, ServerBuilder, Sink, databases, eventually};

/// Stands in the README for what differs from run to run.
const ANYTHING: &str = "…";
/// What the tour's variables hold.
const VARIABLES: [(&str, &str); 2] = [
    ("CALENDLY_SIGNING_KEY", "a-signing-key-of-the-tour-0123456789"),
    ("CRM_SIGNING", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
];
/// Commands that only look: what they show is waited for.
const LOOKING: [&str; 9] =
    ["logs", "trace", "events", "profiles", "samples", "suggest", "versions", "compare", "sample"];

/// A command with the lines that it shows.
#[derive(Debug)]
struct Step {
    command: String,
    shows: Vec<String>,
}

fn repository() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The steps of the tour: what stands in its `console` blocks.
fn steps() -> Vec<Step> {
    let readme = fs::read_to_string(repository().join("README.md")).expect("the README");
    let (_, tour) = readme.split_once("\n## The tour\n").expect("the tour");
    let tour = tour.split_once("\n## ").expect("what follows it").0;
    let mut steps: Vec<Step> = Vec::new();
    let mut is_inside = false;
    for line in tour.lines() {
        match line {
            "```console" => is_inside = true,
            "```" => is_inside = false,
            _ if !is_inside => {}
            _ => match line.strip_prefix("$ ") {
                Some(command) => steps.push(Step { command: command.to_owned(), shows: Vec::new() }),
                None => steps.last_mut().expect("a command first").shows.push(line.to_owned()),
            },
        }
    }
    steps
}

/// A line of the README as a pattern: spaces are any, and so is what was left out.
fn pattern(text: &str) -> Regex {
    let part = |part: &str| {
        let words: Vec<_> = part.split_whitespace().map(regex::escape).collect();
        let (before, after) = (part.starts_with(' '), part.ends_with(' ') && !words.is_empty());
        let gap = |is_there| if is_there { r"\s*" } else { "" };
        format!("{}{}{}", gap(before), words.join(r"\s+"), gap(after))
    };
    let parts: Vec<_> = text.split(ANYTHING).map(part).collect();
    Regex::new(&parts.join(".*")).expect("a pattern")
}

/// The lines that a step wants and that are not shown, in their order.
fn missing<'a>(step: &'a Step, shown: &str) -> Option<&'a str> {
    let mut lines = shown.lines();
    step.shows
        .iter()
        .find(|wanted| {
            let wanted = pattern(wanted);
            !lines.any(|line| wanted.is_match(line))
        })
        .map(String::as_str)
}

/// The words of a command, as a shell reads them: quotes, variables, and what was shown before in place of `…`.
fn words(command: &str, shown: &str, server: &Server) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for letter in command.chars() {
        match letter {
            '"' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            letter => words.last_mut().expect("a word").push(letter),
        }
    }
    let word = |word: String| {
        if let Some((_, value)) = VARIABLES.iter().find(|(name, _)| word == format!("${name}")) {
            return (*value).to_owned();
        }
        if !word.contains(ANYTHING) {
            return word;
        }
        let parts: Vec<_> = word.split(ANYTHING).map(regex::escape).collect();
        let known = Regex::new(&parts.join(r"[\w./:-]+")).expect("a pattern");
        let last = known.find_iter(shown).last();
        let last = last.unwrap_or_else(|| panic!("{word} was not shown before:\n{shown}")).as_str();
        match last.split_once("/in/") {
            // The server's public address is a name that nobody resolves here.
            Some((_, secret)) => format!("http://{}/in/{secret}", server.http()),
            None => last.to_owned(),
        }
    };
    words.into_iter().filter(|word| !word.is_empty()).map(word).collect()
}

fn run(server: &Server, words: &[String]) -> String {
    let [program, name, arguments @ ..] = words else { panic!("no command: {words:?}") };
    assert_eq!(program, "tributary");
    let mut command: Command = server.builder().command(name);
    let output = command.args(arguments).envs(VARIABLES).output().expect("the binary starts");
    let (said, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{words:?}: {}\n{said}\n{told}", output.status);
    said.into_owned()
}

#[tokio::test]
async fn each_command_of_the_tour_shows_what_the_readme_says() {
    let steps = steps();
    assert!(steps.len() > 25, "the tour is there: {}", steps.len());
    for database in databases() {
        println!("on {}", database.kind());
        let folder = database.folder.path().to_owned();
        let server = ServerBuilder::on(database).start().await;
        let sink = Sink::start().await;
        for file in fs::read_dir(repository().join("examples/tour")).expect("its files") {
            let file = file.expect("a file").path();
            let text = fs::read_to_string(&file).expect("a text");
            let text = text.replace("https://crm.example.com/hooks/tributary", &sink.url());
            fs::write(folder.join(file.file_name().expect("a name")), text).expect("a copy");
        }
        let mut shown = String::new();
        for step in &steps {
            let words = words(&step.command, &shown, &server);
            let only_looks = words.iter().take(3).any(|word| LOOKING.contains(&word.as_str()));
            let now = if only_looks {
                eventually(format!("{step:#?}"), async || {
                    let now = run(&server, &words);
                    missing(step, &now).is_none().then_some(now)
                })
                .await
            } else {
                run(&server, &words)
            };
            if let Some(line) = missing(step, &now) {
                panic!("`{}` does not show\n{line}\nbut\n{now}", step.command);
            }
            shown.push_str(&now);
        }
    }
}
