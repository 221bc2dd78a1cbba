//! What the tag costs a page.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tributary_tests::eventually;

use super::{Scene, assert_unharmed, id_of};

/// How many visitors the figures are the medians of.
const LOADS: usize = 9;
/// How many times as much as the yardstick the tag may take of a processor: half as much again as it took at most, on the large
/// page and a busy machine. How fast the machine is, and what else it does, is nearly the same for both; what the tag takes in
/// milliseconds, docs/tag.md says.
const GATE: f64 = 2.4;
/// The same on a page whose very first script is the tag.
const GATE_OF_FIRST: f64 = 3.0;
/// The parts of the yardstick.
const PARTS: usize = 60;

/// A script of the page's own, as every shop has: what it uses first, Chromium sets up for it, and not for the tag.
const ORDINARY: &str = r#"<script>(() => {
    const cookie = document.cookie.split("; ").find((one) => one.startsWith("theme="));
    const theme = cookie ? cookie.slice(6) : "light";
    document.cookie = "theme=" + theme + ";path=/";
    const visits = Number(localStorage.getItem("visits")) + 1;
    localStorage.setItem("visits", visits);
    document.documentElement.setAttribute("data-theme", theme);
    const body = JSON.stringify({ theme, visits, at: new Date().toISOString() });
    fetch("/basket", { method: "POST", body }).then((answer) => answer.text()).catch(() => {});
})()</script>"#;

/// The work of the tag's code on the main thread of one page, in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    /// Of a processor.
    work: f64,
    /// On the clock, with what the thread waited for meanwhile: other processes, cookies and storage among them.
    time: f64,
    /// On the clock, of the longest piece at once.
    longest: f64,
}

/// A script of fixed work, of the kind that the tag does: functions that are read, compiled and called once, and elements that
/// are made, looked for and changed.
fn yardstick() -> String {
    let part = |number: usize| {
        format!(
            "function part{number}(root) {{
                const values = String(number{number} * {number}).split('').map((text) => ({{ text, place: {number} }}));
                const element = document.createElement('a');
                element.setAttribute('href', '/part?' + encodeURIComponent(JSON.stringify(values)));
                root.append(element);
                return root.querySelectorAll('[href*=\"{number}\"]').length + new Map(values.entries()).size;
            }}
            const number{number} = 7919; part{number}(root);"
        )
    };
    let parts: String = (0..PARTS).map(part).collect();
    format!("(() => {{ const root = document.createElement('div'); {parts} }})()")
}

/// What somebody who was never here pays for the tag on the page at `path`, from when it is there until its page view was
/// taken, and what the yardstick takes there afterwards.
async fn costs(scene: &Scene, path: &str) -> Vec<(Cost, Cost)> {
    let measure = format!(
        "(() => {{ const script = document.createElement('script'); script.text = {}; \
                           document.head.append(script); return 1; }})()",
        json!(yardstick())
    );
    scene.browser.begin_trace().await;
    for _ in 0..LOADS {
        let (_visitor, page) = scene.visit(path).await;
        let id = json!(id_of(&page).await);
        let is_of = |event: &Value| event["cluid"] == id && event["type"] == "page";
        eventually("the page view is sent", async || scene.front.events().iter().any(is_of).then_some(()))
            .await;
        page.until("there is time", "new Promise((done) => requestIdleCallback(() => done(true)))").await;
        page.eval(&measure).await;
        assert_unharmed(&page).await;
    }
    let trace = scene.browser.end_trace().await;
    // What is put into a page as text has no address.
    let (own, yardsticks) = (by_page(&trace, &scene.url()), by_page(&trace, ""));
    assert_eq!(own.len(), LOADS, "each visitor has a process of their own");
    own.into_iter().map(|(page, own)| (own, yardsticks[&page])).collect()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What the script at `url` took of each page, by the page's process: the pieces of the trace that are its own, and in none of
/// its own.
fn by_page(trace: &[Value], url: &str) -> BTreeMap<String, Cost> {
    const OWN: [&str; 3] = ["EvaluateScript", "FunctionCall", "v8.compile"];
    let number = |event: &Value, name: &str| event[name].as_f64().unwrap_or_default();
    let is_own = |event: &&Value| {
        event["ph"] == "X"
            && OWN.iter().any(|name| event["name"] == *name)
            && event["args"]["data"]["url"] == url
    };
    let mut own: Vec<&Value> = trace.iter().filter(is_own).collect();
    own.sort_by(|one, other| number(one, "ts").total_cmp(&number(other, "ts")));
    let mut pages: BTreeMap<String, (f64, Cost)> = BTreeMap::new();
    for event in own {
        let (end, cost) = pages.entry(event["pid"].to_string()).or_default();
        if number(event, "ts") < *end {
            continue;
        }
        let time = number(event, "dur");
        *end = number(event, "ts") + time;
        cost.work += number(event, "tdur") / 1_000.0;
        cost.time += time / 1_000.0;
        cost.longest = cost.longest.max(time / 1_000.0);
    }
    pages.into_iter().map(|(page, (_, cost))| (page, cost)).collect()
}

#[tokio::test]
async fn it_takes_little_of_the_main_thread() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    let calendly = "<a href='https://calendly.com/x'>x</a>".repeat(3);
    scene.page("/small", &calendly);
    // As many links and elements as an ordinary page of a shop has.
    let links = "<div><p><a href='/somewhere'>x</a><b>text</b></p><i></i><u></u></div>".repeat(300);
    let large = format!("{links}{calendly}");
    scene.page("/large", &large);
    let head = format!("{ORDINARY}{}", scene.snippet());
    scene.site.page("/ordinary/small", &head, &calendly);
    scene.site.page("/ordinary/large", &head, &large);
    for path in ["/ordinary/small", "/ordinary/large", "/small", "/large"] {
        let gate = if path.starts_with("/ordinary") { GATE } else { GATE_OF_FIRST };
        let costs = costs(&scene, path).await;
        let of = |figure: fn(&Cost) -> f64| median(costs.iter().map(|(own, _)| figure(own)));
        let (work, time, longest) = (of(|cost| cost.work), of(|cost| cost.time), of(|cost| cost.longest));
        let ratio = median(costs.iter().map(|(own, yardstick)| own.work / yardstick.work));
        println!(
            "{path}: the tag takes {work:.1} ms of a processor on the main thread, {ratio:.2} of the yardstick, \
             {time:.1} ms on the clock, at most {longest:.1} ms at once"
        );
        assert!(work > 0.1, "{path}: the trace has nothing of it");
        assert!(ratio <= gate, "{path}: {ratio} times as much as the yardstick");
    }
}
