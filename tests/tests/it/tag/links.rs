//! The id on the links to schedulers and forms.

use serde_json::{Value, json};

use super::{Scene, assert_unharmed, id_of};

#[tokio::test]
async fn every_link_to_calendly_carries_the_id_wherever_it_stands() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    scene.page(
        "/",
        r#"<a id=plain class=button target=_blank href="https://calendly.com/acme/call">book</a>
           <a id=below href="https://acme.calendly.com/call">book</a>
           <a id=short href="//calendly.com/acme/call">book</a>
           <map><area id=area href="https://calendly.com/acme/area"></map>
           <div id=inline class="calendly-inline-widget" data-url="https://calendly.com/acme/inline?hide=1"></div>
           <div><template shadowrootmode=open><a href="https://calendly.com/acme/declared">book</a></template></div>"#,
    );
    let (_visitor, page) = scene.visit("/").await;
    let id = id_of(&page).await;
    page.until("the tag has looked at the page", "plain.href.includes('utm_term')").await;
    // It is looked into shadow roots when there is time.
    let declared = "document.querySelector('div:last-of-type').shadowRoot.querySelector('a').href";
    page.until("it has looked into shadow roots", &format!("{declared}.includes('utm_term')")).await;
    let href = |name: &str| format!("{name}.getAttribute('href')");
    for (script, expected) in [
        (href("plain"), format!("https://calendly.com/acme/call?utm_term={id}")),
        (href("below"), format!("https://acme.calendly.com/call?utm_term={id}")),
        (href("short"), format!("//calendly.com/acme/call?utm_term={id}")),
        (href("area"), format!("https://calendly.com/acme/area?utm_term={id}")),
        ("inline.dataset.url".to_owned(), format!("https://calendly.com/acme/inline?hide=1&utm_term={id}")),
        (declared.to_owned(), format!("https://calendly.com/acme/declared?utm_term={id}")),
        (
            "plain.outerHTML".to_owned(),
            format!(
                r#"<a id="plain" class="button" target="_blank" href="https://calendly.com/acme/call?utm_term={id}">book</a>"#
            ),
        ),
    ] {
        assert_eq!(page.text(&script).await, expected, "{script}");
    }

    // What comes later, and what changes.
    let later = "(async () => {
        const link = (address) => Object.assign(document.createElement('a'), { href: address });
        const added = document.body.appendChild(link('https://calendly.com/added'));
        const many = document.body.appendChild(document.createElement('p'));
        for (let count = 0; count < 200; count++) many.appendChild(link('https://calendly.com/many'));
        const host = (mode) => document.body.appendChild(document.createElement('section')).attachShadow({ mode });
        const shadow = host('open');
        shadow.innerHTML = '<p><a href=\"https://calendly.com/shadow\">book</a></p>';
        const nested = shadow.querySelector('p').appendChild(document.createElement('div')).attachShadow({ mode: 'open' });
        nested.innerHTML = '<a href=\"https://calendly.com/nested\">book</a>';
        const closed = host('closed');
        await new Promise((done) => setTimeout(done, 0));
        // Long after its host came.
        closed.innerHTML = '<a href=\"https://calendly.com/closed\">book</a>';
        plain.href = 'https://calendly.com/changed';
        const frame = document.createElement('iframe');
        frame.src = 'https://calendly.com/frame?embed_type=Inline';
        document.body.append(frame);
        await new Promise((done) => setTimeout(done, 0));
        return [added, many.lastChild, shadow.querySelector('a'), nested.querySelector('a'), closed.querySelector('a'), plain, frame]
            .map((element) => element.href || element.src);
    })()";
    let found = page.eval(later).await;
    let expected =
        ["added", "many", "shadow", "nested", "closed", "changed", "frame?embed_type=Inline"].map(|path| {
            let joint = if path.contains('?') { "&" } else { "?" };
            json!(format!("https://calendly.com/{path}{joint}utm_term={id}"))
        });
    assert_eq!(found, Value::Array(expected.to_vec()));
    assert_unharmed(&page).await;
}

#[tokio::test]
async fn a_page_that_breaks_iterators_for_a_while_is_looked_through_afterwards() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    scene.page("/", "<div id=place></div>");
    let (_visitor, page) = scene.visit("/").await;
    let id = id_of(&page).await;
    let add = "const add = (name) => place.setHTMLUnsafe('<p><template shadowrootmode=open>' +
                   '<a href=\"https://calendly.com/acme/' + name + '\">book</a></template></p>');";
    // The tag has seen that something came, and has yet to look into it.
    let broken = format!(
        "(async () => {{
            {add}
            add('first');
            await null;
            const kind = Object.getPrototypeOf([].values());
            const next = kind.next;
            kind.next = () => {{ throw new Error('broken'); }};
            const done = new Promise((done) => requestIdleCallback(() => setTimeout(done, 100)));
            await done;
            kind.next = next;
            add('second');
            return 1;
        }})()"
    );
    page.eval(&broken).await;
    let href = "place.firstChild.shadowRoot.querySelector('a').href";
    page.until("it looks again", &format!("{href}.includes('utm_term')")).await;
    assert_eq!(page.text(href).await, format!("https://calendly.com/acme/second?utm_term={id}"));
    assert_unharmed(&page).await;
}

#[tokio::test]
async fn a_link_that_was_not_looked_at_yet_carries_the_id_when_it_is_pressed_or_reached() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    scene.page(
        "/",
        r#"<span id=pressed><template shadowrootmode=open><a href="https://calendly.com/acme/pressed">book</a></template></span>
           <div id=reached><template shadowrootmode=open><a href="https://calendly.com/acme/reached">book</a></template></div>
           <script>addEventListener("click", (event) => event.preventDefault());</script>"#,
    );
    // A browser that never has time.
    let (_visitor, page) = scene.visit_after("/", "window.requestIdleCallback = () => 0;").await;
    let id = id_of(&page).await;
    let href = |name: &str| format!("{name}.shadowRoot.querySelector('a').href");
    for name in ["pressed", "reached"] {
        assert_eq!(page.text(&href(name)).await, format!("https://calendly.com/acme/{name}"));
    }
    page.click("#pressed").await;
    page.eval("reached.shadowRoot.querySelector('a').focus(); 1").await;
    for name in ["pressed", "reached"] {
        assert_eq!(page.text(&href(name)).await, format!("https://calendly.com/acme/{name}?utm_term={id}"));
    }
    assert_unharmed(&page).await;
}

#[tokio::test]
async fn on_a_page_of_such_a_host_addresses_need_not_name_it() {
    let rules = json!([{"hosts": ["shop.test"], "parameter": "visitor"}]);
    let Some(scene) = Scene::new(json!({"decorate": rules})).await else { return };
    scene.site.page(
        "/",
        &format!("<link id=style rel=alternate href='/style'>{}", scene.snippet()),
        "<a id=next href='/next'>x</a>",
    );
    let (_visitor, page) = scene.visit("/").await;
    let id = id_of(&page).await;
    page.until("the link carries the id", "next.href.includes('visitor')").await;
    assert_eq!(page.text("next.getAttribute('href')").await, format!("/next?visitor={id}"));
    page.eval("document.head.append(style.cloneNode()); 1").await;
    let sheets = "[...document.querySelectorAll('link')].map((link) => link.getAttribute('href'))";
    assert_eq!(page.eval(sheets).await, json!(["/style", "/style"]), "nobody follows a style sheet");
    assert_unharmed(&page).await;
}

#[tokio::test]
async fn all_else_of_a_page_is_left_as_it_is() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    scene.page(
        "/",
        r#"<div id=others>
            <a href="https://www.shop.test/calendly.com?utm_term=keyword">x</a>
            <a href="https://calendly.com.evil.test/x">x</a>
            <a href="https://notcalendly.com/x">x</a>
            <a href="mailto:a@calendly.com">x</a>
            <a href="javascript:void('https://calendly.com/')">x</a>
            <a href="https://calendly.com:port/">x</a>
            <a name="calendly.com">x</a>
            <img src="data:,#calendly.com" data-src="https://shop.test/calendly.com.png">
        </div>
        <script>window.before = others.innerHTML;</script>
        <a id=mine href="https://calendly.com/x">x</a>"#,
    );
    let (_visitor, page) = scene.visit("/").await;
    page.until("the tag has looked at the page", "mine.href.includes('utm_term')").await;
    assert_eq!(page.text("others.innerHTML").await, page.text("before").await);
    assert_unharmed(&page).await;
}

#[tokio::test]
async fn an_address_keeps_what_it_has_and_the_id_is_in_it_once() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    scene.page("/", "");
    let (_visitor, page) = scene.visit("/").await;
    let id = id_of(&page).await;
    // Written out here, as a person would expect it.
    for (before, after) in [
        ("https://calendly.com/a?b=%20c&d=+e&f#top", "https://calendly.com/a?b=%20c&d=+e&f&utm_term=ID#top"),
        ("https://calendly.com/a?", "https://calendly.com/a?utm_term=ID"),
        ("https://calendly.com/a#", "https://calendly.com/a?utm_term=ID#"),
        ("https://calendly.com/a?utm_term=shoes", "https://calendly.com/a?utm_term=ID"),
        ("https://calendly.com/a?utm_term=x&c=1&utm_term=y", "https://calendly.com/a?c=1&utm_term=ID"),
        ("https://calendly.com/a?utm%5Fterm=x", "https://calendly.com/a?utm_term=ID"),
        ("https://calendly.com/a?my_utm_term=x", "https://calendly.com/a?my_utm_term=x&utm_term=ID"),
        ("https://calendly.com/a?utm_term=ID&c=1", "https://calendly.com/a?utm_term=ID&c=1"),
        ("HTTPS://Calendly.com/a", "HTTPS://Calendly.com/a?utm_term=ID"),
        ("https://calendly.com/a?x=%zz", "https://calendly.com/a?x=%zz&utm_term=ID"),
        ("https://example.com/a?utm_term=shoes", "https://example.com/a?utm_term=shoes"),
    ] {
        let (before, after) = (before.replace("ID", &id), after.replace("ID", &id));
        assert_eq!(page.text(&format!("tributary.decorate({})", json!(before))).await, after);
        assert_eq!(page.text(&format!("tributary.decorate({})", json!(after))).await, after, "twice");
    }
}

#[tokio::test]
async fn calendlys_own_calls_carry_the_id() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    scene.page("/", "<p id=place></p>");
    let (_visitor, page) = scene.visit("/").await;
    let id = id_of(&page).await;
    // Calendly's script, as far as the tag knows of it; it comes when it likes.
    page.eval(
        "(async () => {
            const code = `window.said = []; window.Calendly = {};
                for (const name of ['initInlineWidget', 'initPopupWidget', 'initBadgeWidget', 'showPopupWidget', 'closePopupWidget'])
                    Calendly[name] = function (options) { said.push([name, options, this === Calendly]); return name; };`;
            const script = document.createElement('script');
            script.src = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
            document.head.append(script);
            await new Promise((done) => { script.onload = done; });
        })()",
    )
    .await;
    let url = "https://calendly.com/acme/call";
    let with = format!("{url}?utm_term={id}");
    let calls = format!(
        "[Calendly.initInlineWidget({{ url: '{url}', prefill: {{ name: 'A' }}, parentElement: place }}),
          Calendly.initPopupWidget({{ url: '{url}', utm: {{ utmTerm: 'shoes', utmSource: 'ads' }} }}),
          Calendly.initBadgeWidget({{ url: '{url}', text: 'Book' }}),
          Calendly.showPopupWidget('{url}'),
          Calendly.initPopupWidget(),
          Calendly.closePopupWidget({{ url: '{url}' }})].length"
    );
    assert_eq!(page.eval(&calls).await, json!(6), "each is called and returns");
    let said = page.eval("JSON.parse(JSON.stringify(said))").await;
    let expected = json!([
        ["initInlineWidget", {"url": with, "prefill": {"name": "A"}, "parentElement": {}}, true],
        ["initPopupWidget", {"url": with, "utm": {"utmTerm": id, "utmSource": "ads"}}, true],
        ["initBadgeWidget", {"url": with, "text": "Book"}, true],
        ["showPopupWidget", with, true],
        ["initPopupWidget", null, true],
        ["closePopupWidget", {"url": url}, true],
    ]);
    assert_eq!(said, expected);
    assert_unharmed(&page).await;
}

#[tokio::test]
async fn other_schedulers_and_forms_are_set_by_rules() {
    let rules = json!([
        {"hosts": ["cal.com"], "parameter": "metadata[cluid]"},
        {"hosts": ["typeform.com", "typeform.eu"], "parameter": "cluid"},
        {"hosts": ["meetings.hubspot.com"], "parameter": "utm_term", "prefix": "v-"},
    ]);
    let Some(scene) = Scene::new(json!({"decorate": rules})).await else { return };
    scene.page(
        "/",
        r#"<a id=cal href="https://cal.com/acme/30min">x</a>
           <button id=button data-cal-link="acme/30min?theme=dark">x</button>
           <a id=form href="https://acme.typeform.com/to/abc?x=1#name=Ann">x</a>
           <div id=widget data-tf-live="abc" data-tf-hidden="plan=pro,cluid=old"></div>
           <div id=bare data-tf-popup="abc"></div>
           <a id=european href="https://acme.typeform.eu/to/abc?x=1">x</a>
           <div id=abroad data-tf-widget="abc" data-tf-domain="form.typeform.eu"></div>
           <div id=own data-tf-widget="abc" data-tf-domain="forms.acme.test"></div>
           <div id=meetings data-src="https://meetings.hubspot.com/acme?embed=true"></div>
           <a id=calendly href="https://calendly.com/acme">x</a>"#,
    );
    let (_visitor, page) = scene.visit("/").await;
    let id = id_of(&page).await;
    page.until("the tag has looked at the page", "meetings.dataset.src.includes('utm_term')").await;
    for (script, expected) in [
        ("cal.href", format!("https://cal.com/acme/30min?metadata%5Bcluid%5D={id}")),
        ("button.dataset.calLink", format!("acme/30min?theme=dark&metadata%5Bcluid%5D={id}")),
        ("form.href", format!("https://acme.typeform.com/to/abc?x=1#name=Ann&cluid={id}")),
        ("widget.dataset.tfHidden", format!("plan=pro,cluid={id}")),
        ("bare.dataset.tfHidden", format!("cluid={id}")),
        ("european.href", format!("https://acme.typeform.eu/to/abc?x=1#cluid={id}")),
        ("abroad.dataset.tfHidden", format!("cluid={id}")),
        ("own.dataset.tfHidden", format!("cluid={id}")),
        ("meetings.dataset.src", format!("https://meetings.hubspot.com/acme?embed=true&utm_term=v-{id}")),
        ("calendly.href", "https://calendly.com/acme".to_owned()),
    ] {
        assert_eq!(page.text(script).await, expected, "{script}");
    }
}

#[tokio::test]
async fn a_page_that_fights_for_its_links_wins_in_the_end() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    scene.page(
        "/",
        "<a id=link href='https://calendly.com/mine'>x</a><script>
            new MutationObserver(() => { if (link.href !== 'https://calendly.com/mine') link.href = 'https://calendly.com/mine'; })
                .observe(link, { attributes: true });
        </script>",
    );
    let (_visitor, page) = scene.visit("/").await;
    let id = id_of(&page).await;
    // It answers, so that neither of the two goes on for ever; and whoever clicks comes with what stands there.
    page.until("the page is idle", "new Promise((done) => requestIdleCallback(() => done(true)))").await;
    let address = page.text("link.href").await;
    assert!(address == "https://calendly.com/mine" || address.ends_with(&id), "{address}");
    assert_unharmed(&page).await;
}

#[tokio::test]
async fn a_rule_of_several_hosts_holds_for_each_as_that_needs_it() {
    let rules =
        json!([{"hosts": ["calendly.com", "typeform.com"], "parameter": "utm_campaign", "prefix": "v-"}]);
    let Some(scene) = Scene::new(json!({"decorate": rules})).await else { return };
    let calendly =
        "<script>window.Calendly = { initPopupWidget(options) { window.said = options; } };</script>";
    scene.site.page("/", &format!("{calendly}{}", scene.snippet()), "");
    let (_visitor, page) = scene.visit("/").await;
    let id = id_of(&page).await;
    let decorated = async |address: &str| page.text(&format!("tributary.decorate('{address}')")).await;
    assert_eq!(
        decorated("https://calendly.com/a#top").await,
        format!("https://calendly.com/a?utm_campaign=v-{id}#top")
    );
    assert_eq!(
        decorated("https://acme.typeform.com/to/a?x=1").await,
        format!("https://acme.typeform.com/to/a?x=1#utm_campaign=v-{id}")
    );
    page.eval("Calendly.initPopupWidget({ url: 'https://calendly.com/a', utm: { utmCampaign: 'may', utmTerm: 'shoes' } }); 1")
        .await;
    let expected = json!({"utmCampaign": format!("v-{id}"), "utmTerm": "shoes"});
    assert_eq!(page.eval("said.utm").await, expected);
}
