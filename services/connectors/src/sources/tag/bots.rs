//! Visitors that are programs, by how they name themselves.

/// What stands, in lower case, in the user agents of programs that look at pages: what search engines, assistants and
/// social networks document of theirs, what monitors and auditors call themselves, and the libraries that scripts are
/// written with. A browser without a window is not among them: owners test their own pages with it.
const MARKS: [&str; 31] = [
    // Nearly all that search: Googlebot, bingbot, YandexBot, GPTBot, ClaudeBot, AhrefsBot, Applebot, ...
    "bot",
    "crawl",
    "spider",
    "slurp",
    // Previews of links in messengers and networks, which have no common word.
    "facebookexternalhit",
    "meta-externalagent",
    "meta-externalfetcher",
    "whatsapp/",
    "skypeuripreview",
    "embedly",
    "bingpreview",
    "vkshare",
    // Google's others.
    "mediapartners-google",
    "google-inspectiontool",
    "googleother",
    "google-read-aloud",
    "feedfetcher",
    // Monitors and auditors.
    "chrome-lighthouse",
    "pagespeed",
    "pingdom",
    "statuscake",
    "gtmetrix",
    "site24x7",
    "monitoring",
    // Libraries and tools.
    "curl/",
    "wget/",
    "python-",
    "go-http-client",
    "okhttp/",
    "java/",
    "scrapy",
];

/// A maker of telephones, whose name ends as those of programs do.
const TELEPHONES: &str = "cubot";

/// Whether a request with this user agent is one of a program. Browsers always have one.
pub fn is_bot(user_agent: &str) -> bool {
    let name = user_agent.to_ascii_lowercase().replace(TELEPHONES, "");
    name.trim().is_empty() || MARKS.iter().any(|mark| name.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::is_bot;

    #[test]
    fn programs_are_told_from_people() {
        for bot in [
            "",
            " ",
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; GPTBot/1.2; +https://openai.com/gptbot",
            "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
            "WhatsApp/2.23.20.0",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/130.0.0.0 Safari/537.36 Chrome-Lighthouse",
            "curl/8.5.0",
            "python-requests/2.32",
        ] {
            assert!(is_bot(bot), "{bot}");
        }
        for person in [
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
            "Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/22A Instagram 350.0.0",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/141.0.0.0 Safari/537.36",
        ] {
            assert!(!is_bot(person), "{person}");
        }
    }
}
