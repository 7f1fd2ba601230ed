//! Charts of the past, as SVG that stands in the page and takes its colours from the style sheet.

use adit_protocol::units::HashRate;
use maud::{Markup, PreEscaped, html};
use plotters::prelude::{
    ChartBuilder, Color, IntoDrawingArea, IntoFont, LineSeries, PathElement, RGBColor, SVGBackend,
};

use super::Past;
use super::words::{self, Range};
use crate::history::Point;
use crate::reading::Missing;
use crate::snapshot::Device;

/// Size in the units of the drawing: about the width of a phone, so that its letters are readable there.
const SIZE: (u32, u32) = (400, 170);
/// Points of a line; more are summed up.
const POINTS: i64 = 100;
/// The shortest time that is drawn, in seconds.
const SHORTEST_S: f64 = 300.0;
/// Colours that `dashboard.css` replaces.
const LINE: RGBColor = RGBColor(1, 1, 1);
const GRID: RGBColor = RGBColor(2, 2, 2);
const INK: RGBColor = RGBColor(3, 3, 3);

/// One quantity that is drawn.
struct Kind {
    title: &'static str,
    unit: &'static str,
    of: fn(&Point) -> Option<f64>,
    /// What is missing where no point has it.
    missing: Option<Missing>,
}

/// All charts of one subject, and the ranges they can have.
pub(super) fn charts(
    past: &Past,
    range: Range,
    link: &dyn Fn(Range) -> String,
    device: Option<&Device>,
) -> Markup {
    let kinds = [
        Kind { title: "Hash rate", unit: "H/s", of: |point| point.hashrate_hs, missing: None },
        Kind {
            title: "Temperature",
            unit: "°C",
            of: |point| point.temperature_celsius,
            missing: device.and_then(|device| device.temperature_celsius.missing),
        },
        Kind {
            title: "Power",
            unit: "W",
            of: |point| point.power_watts,
            missing: device.and_then(|device| device.power_watts.missing),
        },
    ];
    html! {
        h2 #charts-title { "The last " (range.name()) }
        nav.ranges aria-label="Range of the charts" {
            @for other in Range::ALL {
                a id=(format!("range-{}", other.name())) href=(link(other)) aria-current=[(other == range).then_some("true")] { (other.name()) }
            }
        }
        div.charts { @for kind in kinds { (figure(past, range, &kind)) } }
    }
}

fn figure(past: &Past, range: Range, kind: &Kind) -> Markup {
    let lines = lines(past, kind.of);
    let values = || lines.iter().flatten().map(|(_, value)| *value);
    let bounds = values().reduce(f64::min).zip(values().reduce(f64::max));
    html! {
        figure {
            figcaption { (kind.title) }
            @match (bounds, values().next_back()) {
                (Some((low, high)), Some(last)) => {
                    @let say = |value| in_words(value, kind.unit);
                    div role="img" aria-label=(format!("{}: lowest {}, highest {}, last {}", kind.title, say(low), say(high), say(last))) {
                        (PreEscaped(drawn(&lines, (past.from, past.to), range, kind.unit, (low, high)).unwrap_or_default()))
                    }
                    p.small { "lowest " (say(low)) ", highest " (say(high)) ", last " (say(last)) }
                }
                _ => p.empty { (kind.missing.map_or("Nothing is known of it in this time.", words::reason)) },
            }
        }
    }
}

fn in_words(value: f64, unit: &str) -> String {
    if unit == "H/s" { HashRate(value).to_string() } else { format!("{value:.1} {unit}") }
}

/// What is known, in lines that end where nothing is: summed up to at most [`POINTS`], weighed by the time observed.
fn lines(past: &Past, of: fn(&Point) -> Option<f64>) -> Vec<Vec<(f64, f64)>> {
    let width = ((past.to - past.from) / POINTS).max(past.step_s);
    let mut lines: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut last = i64::MIN;
    let mut rest = past.points.as_slice();
    while let Some(first) = rest.first() {
        let number = first.at_unix_s.div_euclid(width);
        let length = rest.iter().take_while(|point| point.at_unix_s.div_euclid(width) == number).count();
        let (now, later) = rest.split_at(length);
        rest = later;
        let known = || now.iter().filter_map(|point| Some((of(point)?, point.span_s)));
        let weight: f64 = known().map(|(_, span)| span).sum();
        if weight <= 0.0 {
            continue;
        }
        let mean = known().map(|(value, span)| value * span).sum::<f64>() / weight;
        let half = past.step_s as f64 / 2.0;
        let middle = |point: &Point| (point.at_unix_s as f64 + half) * point.span_s;
        let at = now.iter().filter(|point| of(point).is_some()).map(middle).sum::<f64>() / weight;
        match lines.last_mut().filter(|_| number - last <= 2) {
            Some(line) => line.push((at, mean)),
            None => lines.push(vec![(at, mean)]),
        }
        last = number;
    }
    lines
}

/// The drawing; `None` where it cannot be drawn.
fn drawn(
    lines: &[Vec<(f64, f64)>],
    (from, to): (i64, i64),
    range: Range,
    unit: &str,
    (low, high): (f64, f64),
) -> Option<String> {
    let (scale, prefix) = scale(high, unit);
    // A rate begins at zero; a temperature is seen by how it moves.
    let (floor, ceiling) = match unit {
        "°C" => ((low - 2.0).floor(), (high + 2.0).ceil()),
        _ => (0.0, if high > 0.0 { high * 1.15 } else { 1.0 }),
    };
    let (second, name) = range.unit();
    let before = |at: f64| (at - to as f64) / second;
    // What began a while ago is not drawn into the corner of an empty year.
    let first = lines.first().and_then(|line| line.first()).map_or(to as f64, |(at, _)| *at);
    let begin = first.min(to as f64 - SHORTEST_S).max(from as f64);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin(10)
            .margin_left(0)
            .margin_right(16)
            .x_label_area_size(24)
            .y_label_area_size(66)
            .build_cartesian_2d(before(begin)..0.0, floor / scale..ceiling / scale)
            .ok()?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(plotters::prelude::TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(GRID)
            .x_labels(5)
            .y_labels(4)
            .x_label_formatter(&|at| {
                if *at >= -1e-9 { "now".to_owned() } else { format!("−{} {name}", round(-at)) }
            })
            .y_label_formatter(&|value| {
                format!("{value:.*} {prefix}{unit}", decimals((ceiling - floor) / scale))
            })
            .label_style(("sans-serif", 14).into_font().color(&INK))
            .draw()
            .ok()?;
        for line in lines {
            let line: Vec<_> = line.iter().map(|(at, value)| (before(*at), value / scale)).collect();
            match line.as_slice() {
                // A single point is a short stroke.
                [(at, value)] => {
                    let half = -before(begin) / 150.0;
                    let stroke = vec![(at - half, *value), (at + half, *value)];
                    chart.draw_series([PathElement::new(stroke, LINE.stroke_width(2))]).ok()?;
                }
                _ => {
                    chart.draw_series(LineSeries::new(line, LINE.stroke_width(2))).ok()?;
                }
            }
        }
        area.present().ok()?;
    }
    Some(svg)
}

fn scale(high: f64, unit: &str) -> (f64, &'static str) {
    let scales = [(1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    let fits = scales.into_iter().find(|(scale, _)| unit == "H/s" && high >= *scale);
    fits.unwrap_or((1.0, ""))
}

/// Decimals that tell the marks of an axis of this height apart.
const fn decimals(height: f64) -> usize {
    match height {
        height if height < 0.5 => 2,
        height if height < 8.0 => 1,
        _ => 0,
    }
}

/// At most one decimal, and none where it says nothing.
fn round(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}
