//! The chart: throughput above, latency below, both over time.

use std::fmt::Write;

use crate::measure::{Line, Panel};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 300.0;
/// Room for the numbers on the left, and for the names on the right.
const LEFT: f64 = 80.0;
const RIGHT: f64 = 200.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 40.0;
/// Told apart by people who see few colours, too (Okabe and Ito).
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

/// Draws all lines as one SVG.
pub(super) fn draw(lines: &[&Line]) -> String {
    let panels = [(Panel::Throughput, "messages a second"), (Panel::Latency, "milliseconds")];
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {}" font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#ffffff"/>"##,
        HEIGHT * 2.0
    );
    for (number, (panel, title)) in panels.into_iter().enumerate() {
        let own: Vec<&Line> = lines.iter().copied().filter(|line| line.panel == panel).collect();
        svg.push_str(&draw_panel(&own, title, HEIGHT * number as f64));
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw_panel(lines: &[&Line], title: &str, top: f64) -> String {
    let points = || lines.iter().flat_map(|line| &line.points);
    let scale = Scale {
        seconds: nice(points().map(|point| point.0).fold(0.0, f64::max)),
        most: nice(points().map(|point| point.1).fold(0.0, f64::max)),
        top,
    };
    let mut svg = String::new();
    // Writing into a text cannot fail.
    let _ = write!(svg, r#"<text x="{LEFT}" y="{}" font-weight="bold">{title}</text>"#, top + TOP - 15.0);
    for part in 0..=4 {
        let share = f64::from(part) / 4.0;
        let (x, y) = (scale.x(scale.seconds * share), scale.y(scale.most * share));
        let _ = write!(
            svg,
            r##"<line x1="{LEFT}" x2="{}" y1="{y:.1}" y2="{y:.1}" stroke="#dddddd"/><text x="{}" y="{:.1}" text-anchor="end">{}</text><text x="{x:.1}" y="{:.1}" text-anchor="middle">{} s</text>"##,
            WIDTH - RIGHT,
            LEFT - 6.0,
            y + 4.0,
            scale.most * share,
            top + HEIGHT - BOTTOM + 16.0,
            scale.seconds * share
        );
    }
    for (number, line) in lines.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        let path: Vec<String> = line
            .points
            .iter()
            .map(|(at, value)| format!("{:.1},{:.1}", scale.x(*at), scale.y(*value)))
            .collect();
        let _ = write!(
            svg,
            r#"<polyline fill="none" stroke="{colour}" stroke-width="2" points="{}"/><text x="{}" y="{}" fill="{colour}">{}</text>"#,
            path.join(" "),
            WIDTH - RIGHT + 10.0,
            top + TOP + 16.0 * number as f64,
            escaped(&line.name)
        );
    }
    svg
}

struct Scale {
    seconds: f64,
    most: f64,
    top: f64,
}

impl Scale {
    fn x(&self, seconds: f64) -> f64 {
        LEFT + seconds / self.seconds * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        self.top + HEIGHT - BOTTOM - value / self.most * (HEIGHT - TOP - BOTTOM)
    }
}

/// The next round number from `most` on: 1, 2, 4, 6 or 8 and zeros, so that a quarter of it is easily read.
fn nice(most: f64) -> f64 {
    if !most.is_finite() || most <= 0.0 {
        return 1.0;
    }
    let unit = 10_f64.powf(most.log10().floor());
    let steps = [1.0, 2.0, 4.0, 6.0, 8.0];
    steps.into_iter().map(|step| step * unit).find(|round| *round >= most).unwrap_or(10.0 * unit)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_drawn_in_its_panel_from_corner_to_corner() {
        let line = |panel, name: &str, points: &[(f64, f64)]| Line {
            panel,
            name: name.to_owned(),
            points: points.to_vec(),
        };
        let throughput = line(Panel::Throughput, "a<b", &[(0.0, 0.0), (8.0, 2_000.0)]);
        let latency = line(Panel::Latency, "p99", &[(0.0, 4.0)]);
        let svg = draw(&[&throughput, &latency]);
        // The scales end at 8 s and 2,000: the line goes from the lower left to the upper right.
        assert!(svg.contains(r#"points="80.0,260.0 760.0,40.0""#), "{svg}");
        assert!(svg.contains(r#"points="80.0,340.0""#), "{svg}");
        assert!(svg.contains("a&lt;b") && !svg.contains("a<b"));
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
    }

    #[test]
    fn nothing_to_draw_is_still_a_drawing() {
        let svg = draw(&[]);
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }

    #[test]
    fn scales_are_round() {
        assert_eq!(
            [0.0, 0.3, 1.0, 1.1, 7.0, 9.0, 30_000.0].map(nice),
            [1.0, 0.4, 1.0, 2.0, 8.0, 10.0, 40_000.0]
        );
    }
}
