//! The page: one HTML file that needs nothing else.

use super::{
    chart::{self, Bar, Mark},
    wins,
};
use crate::{
    engines::Kind,
    figures::{Better, FIGURES, Figure, SECTIONS, shown},
    goals,
    results::Results,
    row::Row,
    scale::Scale,
};

const STYLE: &str = include_str!("page.css");
/// The filling of our bars: it tells them apart without colour.
const PATTERNS: &str = "<svg class=\"patterns\" aria-hidden=\"true\"><defs><pattern id=\"ours\" width=\"6\" height=\"6\" \
    patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><rect width=\"6\" height=\"6\" fill=\"var(--ours)\" \
    opacity=\".35\"/><rect width=\"3\" height=\"6\" fill=\"var(--ours)\"/></pattern></defs></svg>";

/// The page.
pub fn page(results: &Results, rows: &[Row]) -> String {
    let sections: String = SECTIONS.iter().map(|section| section_of(results, *section)).collect();
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><title>Syncline's engine beside its peers</title>\
         <style>{STYLE}</style></head><body>{PATTERNS}{}{}{sections}{}{}</body></html>\n",
        head(results, rows),
        goals_table(rows),
        settings_table(),
        figures_table(results),
    )
}

/// Text as HTML, what stands between backticks as code.
fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let parts = text.split('`').enumerate();
    parts
        .map(
            |(place, part)| {
                if place % 2 == 1 { format!("<code>{part}</code>") } else { part.to_owned() }
            },
        )
        .collect()
}

fn head(results: &Results, rows: &[Row]) -> String {
    let met = rows.iter().filter(|row| row.met() == Some(true)).count();
    let measured = rows.iter().filter(|row| row.met().is_some()).count();
    let notice = if results.scale == Scale::FULL {
        ""
    } else {
        "<p class=\"notice\">Not the full scale: this run shows that everything works and proves little.</p>"
    };
    let links: String = SECTIONS
        .iter()
        .filter(|section| has_any(results, section.0))
        .map(|(key, title, _)| format!("<a href=\"#{key}\">{}</a>", escaped(title)))
        .collect();
    format!(
        "<h1>Syncline's engine beside its peers</h1>{notice}<p><b>{met} of {measured}</b> measured goals are met. Every \
         value is the median of up to {} interleaved rounds on one machine; the thin line on a bar goes from the least \
         to the most of its rounds. Under 1.5 × a single run proves nothing.</p><p class=\"quiet\">Each round: {}.</p>\
         <nav>{links}<a href=\"#settings\">Durability and settings</a></nav>",
        results.rounds(),
        results.scale.shown(),
    )
}

fn goals_table(rows: &[Row]) -> String {
    let body: String = rows
        .iter()
        .map(|row| {
            let sign = if row.at_least { "≥" } else { "≤" };
            let met = match row.met() {
                Some(true) => "<td class=\"met\">✓ met</td>",
                Some(false) => "<td class=\"missed\">✗ missed</td>",
                None => "<td class=\"quiet\">not measured</td>",
            };
            format!(
                "<tr><td>{}</td><td>{}</td><td class=\"number\">{sign} {}</td><td class=\"number\">{}</td>{met}</tr>",
                row.goal,
                escaped(&row.what),
                row.asked,
                shown(row.reached)
            )
        })
        .collect();
    format!(
        "<h2 id=\"goals\">Goals</h2><div class=\"scroll\"><table><tr><th>goal</th><th>what</th><th class=\"number\">asked</th>\
         <th class=\"number\">reached</th><th></th></tr>{body}</table></div>"
    )
}

fn has_any(results: &Results, section: &str) -> bool {
    FIGURES.iter().any(|figure| figure.section == section && results.has(figure.name))
}

fn section_of(results: &Results, (key, title, text): (&str, &str, &str)) -> String {
    if !has_any(results, key) {
        return String::new();
    }
    let charts: String = FIGURES
        .iter()
        .filter(|figure| figure.section == key && results.has(figure.name))
        // Medians are in the table; what hurts are the tails.
        .filter(|figure| !figure.name.contains("p50"))
        .map(|figure| card(results, figure))
        .collect();
    let found: String = wins::sentences(results)
        .iter()
        .filter(|(figure, _)| figure.section == key)
        .map(|(_, sentence)| format!("<li>{}.</li>", escaped(sentence)))
        .collect();
    let found = if found.is_empty() {
        "<p class=\"quiet\">No peer is better at any of these.</p>".to_owned()
    } else {
        format!("<h3>Where a peer is better</h3><ul>{found}</ul>")
    };
    format!(
        "<h2 id=\"{key}\">{}</h2><p class=\"quiet\">{}</p>{found}<div class=\"grid\">{charts}</div>",
        escaped(title),
        escaped(text)
    )
}

fn card(results: &Results, figure: &Figure) -> String {
    let mut bars: Vec<Bar> = Kind::ALL
        .into_iter()
        .filter_map(|kind| {
            let values = results.values(figure.name, kind).iter().copied();
            let spread = (values.clone().fold(f64::MAX, f64::min), values.fold(0.0, f64::max));
            Some(Bar { kind, median: results.median(figure.name, kind)?, spread })
        })
        .collect();
    bars.sort_by(|a, b| match figure.better {
        Better::Less => a.median.total_cmp(&b.median),
        Better::More | Better::Neither => b.median.total_cmp(&a.median),
    });
    let svg = chart::svg(figure, &bars, &marks(results, figure));
    format!("<div class=\"card\"><h3>{}</h3>{svg}</div>", escaped(figure.name))
}

/// Where the goals of a figure lie.
fn marks(results: &Results, figure: &Figure) -> Vec<Mark> {
    let ratios = goals::RATIOS.iter().filter(|ratio| ratio.figure == figure.name);
    let ratios = ratios.filter_map(|ratio| {
        let value = results.median(figure.name, ratio.peer)? * ratio.asked;
        let sign = if ratio.at_least { "≥" } else { "≤" };
        let label = format!("goal {sign} {} × {}", ratio.asked, ratio.peer.name());
        Some(Mark { value, label })
    });
    let bounds = goals::BOUNDS.iter().filter(|bound| bound.1 == figure.name);
    let bounds =
        bounds.map(|bound| Mark { value: bound.2, label: format!("goal ≤ {}", bound.2) });
    ratios.chain(bounds).collect()
}

fn settings_table() -> String {
    let body: String = Kind::ALL
        .into_iter()
        .map(|kind| {
            format!(
                "<tr><td><b>{}</b><br><span class=\"quiet\">{}</span></td><td>{}.</td><td>{}.</td></tr>",
                kind.name(),
                kind.version(),
                escaped(kind.durability()),
                escaped(kind.settings())
            )
        })
        .collect();
    format!(
        "<h2 id=\"settings\">Durability and settings</h2><p class=\"quiet\">Appends, point reads and many logs are measured \
         with buffered writes; durable appends and the mixed run with durable ones; the overwrite with buffered writes and a \
         sync after every 10,000.</p><div class=\"scroll\"><table><tr><th>engine</th><th>when a write has returned</th>\
         <th>settings</th></tr>{body}</table></div>"
    )
}

fn figures_table(results: &Results) -> String {
    let names: String =
        Kind::ALL.iter().map(|kind| format!("<th class=\"number\">{}</th>", kind.name())).collect();
    let body: String = FIGURES
        .iter()
        .filter(|figure| results.has(figure.name))
        .map(|figure| {
            let cells: String = Kind::ALL
                .into_iter()
                .map(|kind| {
                    let class = if kind == Kind::Syncline { "number ours" } else { "number" };
                    let value = shown(results.median(figure.name, kind));
                    format!("<td class=\"{class}\">{value}</td>")
                })
                .collect();
            format!("<tr><td>{}</td>{cells}</tr>", escaped(figure.name))
        })
        .collect();
    format!(
        "<h2 id=\"figures\">All figures</h2><p class=\"quiet\">“–”: it does not do that, or was not measured.</p>\
         <div class=\"scroll\"><table><tr><th>figure</th>{names}</tr>{body}</table></div>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_needs_nothing_else_and_says_who_wins() {
        let mut results = Results::new(Scale::TINY);
        results.add("durable 1, k/s", Kind::Syncline, 8.0);
        results.add("durable 1, k/s", Kind::Fjall, 16.0);
        results.add("durable 1, k/s", Kind::Disk, 8.0);
        let page = page(&results, &goals::check(&results));
        assert!(page.contains("fjall (16.0, 2.00 ×) is better than syncline (8.00)"));
        assert!(page.contains("✓ met") && page.contains("not measured"));
        assert!(page.contains("goal ≥ 0.97 × raw-disk"));
        assert!(!page.contains("http") && !page.contains("src="));
        assert!(!page.contains("id=\"open\""), "a section without figures");
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(escaped("a < `b & c`"), "a &lt; <code>b &amp; c</code>");
    }
}
