//! What all pages have in common.

use maud::{DOCTYPE, Markup, html};

/// Which page is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Overview,
    Device,
    Pools,
    Events,
}

/// A whole page. `main` is what changes from page to page.
pub(super) fn frame(title: &str, place: Place, main: &Markup) -> Markup {
    let link = |to: Place, href: &str, text: &str| {
        html! { li { a href=(href) aria-current=[(to == place).then_some("page")] { (text) } } }
    };
    document(
        title,
        false,
        &html! {
            nav aria-label="Pages" {
                ul {
                    (link(Place::Overview, "./", "Overview"))
                    (link(Place::Pools, "pools", "Pools"))
                    (link(Place::Events, "events", "Events"))
                }
            }
        },
        main,
    )
}

/// The page of one who has shown no key where one is needed.
pub(super) fn locked() -> Markup {
    let main = html! {
        h1 { "A key is needed" }
        p { "This interface can be reached from other machines, so it shows nothing without a key." }
        (key_form())
        noscript { p { "A key can only be sent with JavaScript, for it must not stand in a URL. Or use " code { "curl" } "." } }
    };
    document("a key is needed", true, &html! {}, &main)
}

/// Where a key is given to the page. It is kept by the tab, and goes with it.
pub(super) fn key_form() -> Markup {
    html! {
        form #key-form.needs-js {
            label for="key" { "Key" }
            input #key name="key" type="password" autocomplete="off" spellcheck="false" required
                placeholder="adit_…" aria-describedby="key-why";
            button { "Use this key" }
            span #key-known hidden { "This tab has a key. " }
            button #key-forget type="button" hidden { "Forget it" }
            p #key-why.small { "Kept in this tab until it is closed. " code { "adit key create" } " makes keys." }
        }
    }
}

fn document(title: &str, is_locked: bool, nav: &Markup, main: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" data-locked[is_locked] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " – adit" }
                link rel="stylesheet" href="dashboard.css";
                link rel="icon" href="icon.svg";
                script src="dashboard.js" defer {}
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                header {
                    a.brand href="./" { "adit" }
                    (nav)
                    span #live.small {}
                }
                main #main tabindex="-1" { (main) }
                div #say role="status" aria-live="polite" {}
                footer.small { "adit " (env!("CARGO_PKG_VERSION")) " · " a href="api/v1/openapi.json" { "interface" } " · " a href="metrics" { "metrics" } }
            }
        }
    }
}
