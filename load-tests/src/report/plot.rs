//! Plots as inline SVG.

use std::fmt::Write;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 36.0;
/// Lines across a plot.
const TICKS: u32 = 4;

/// How points are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Joined by a line.
    Line,
    /// One dot each.
    Dot,
}

/// Points with a name.
#[derive(Debug)]
pub struct Series {
    /// What the legend says.
    pub name: &'static str,
    /// How they are drawn.
    pub mark: Mark,
    /// x and y.
    pub points: Vec<(f64, f64)>,
}

/// A plot whose axes begin at zero.
#[derive(Debug)]
pub struct Plot {
    /// Above it.
    pub title: &'static str,
    /// Under the horizontal axis.
    pub x: &'static str,
    /// What the vertical axis counts.
    pub y: &'static str,
    /// At most three are told apart by colour.
    pub series: Vec<Series>,
}

impl Plot {
    /// The figure as HTML with an SVG in it.
    pub fn to_html(&self) -> String {
        let mut html = String::new();
        self.write(&mut html)
            .expect("writing to a string cannot fail");
        html
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let points = || self.series.iter().flat_map(|series| &series.points);
        let (x_step, x_max) = scale(points().map(|(x, _)| *x).fold(0.0, f64::max));
        let (y_step, y_max) = scale(points().map(|(_, y)| *y).fold(0.0, f64::max));
        let x = |value: f64| LEFT + value / x_max * (WIDTH - LEFT - RIGHT);
        let y = |value: f64| HEIGHT - BOTTOM - value / y_max * (HEIGHT - TOP - BOTTOM);
        write!(out, "<figure><figcaption>{}, {}", self.title, self.y)?;
        for (index, series) in self
            .series
            .iter()
            .enumerate()
            .filter(|_| self.series.len() > 1)
        {
            write!(out, " <span class=\"s{index}\">■ {}</span>", series.name)?;
        }
        write!(
            out,
            "</figcaption><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
            self.title
        )?;
        for tick in 0..=steps(y_max, y_step) {
            let value = f64::from(tick) * y_step;
            write!(
                out,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
                 <text class=\"y\" x=\"{}\" y=\"{:.1}\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 6.0,
                y(value) + 4.0,
                label(value, y_step),
                at = y(value),
            )?;
        }
        for tick in 0..=steps(x_max, x_step) {
            let value = f64::from(tick) * x_step;
            write!(
                out,
                "<text class=\"x\" x=\"{:.1}\" y=\"{}\">{}</text>",
                x(value),
                HEIGHT - BOTTOM + 16.0,
                label(value, x_step)
            )?;
        }
        write!(
            out,
            "<text class=\"x\" x=\"{}\" y=\"{}\">{}</text>",
            WIDTH / 2.0,
            HEIGHT - 4.0,
            self.x
        )?;
        for (index, series) in self.series.iter().enumerate() {
            let place = series.points.iter().map(|(px, py)| (x(*px), y(*py)));
            match series.mark {
                Mark::Line => {
                    let path: Vec<String> =
                        place.map(|(px, py)| format!("{px:.1},{py:.1}")).collect();
                    write!(
                        out,
                        "<polyline class=\"s{index}\" points=\"{}\"/>",
                        path.join(" ")
                    )?;
                }
                Mark::Dot => {
                    for (px, py) in place {
                        write!(
                            out,
                            "<circle class=\"s{index}\" cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"3\"/>"
                        )?;
                    }
                }
            }
        }
        write!(out, "</svg></figure>")
    }
}

/// A step of 1, 2 or 5 times a power of ten, and the multiple of it that `max` fits under.
fn scale(max: f64) -> (f64, f64) {
    if max <= 0.0 || !max.is_finite() {
        return (1.0, 1.0);
    }
    let raw = max / f64::from(TICKS);
    let power = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= raw * 0.999_999)
        .unwrap_or(10.0 * power);
    (step, (max / step * 0.999_999).ceil() * step)
}

fn steps(max: f64, step: f64) -> u32 {
    (max / step).round() as u32
}

fn label(value: f64, step: f64) -> String {
    let decimals = (-step.log10().floor()).max(0.0) as usize;
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_round() {
        assert_eq!(scale(0.0), (1.0, 1.0));
        assert_eq!(scale(600.0), (200.0, 600.0));
        assert_eq!(scale(601.0), (200.0, 800.0));
        let (step, max) = scale(0.7);
        assert!((step - 0.2).abs() < 1e-9 && (max - 0.8).abs() < 1e-9);
        assert_eq!(label(0.2, step), "0.2");
        assert_eq!(label(200.0, 200.0), "200");
    }

    #[test]
    fn points_stay_inside() {
        let plot = Plot {
            title: "t",
            x: "s",
            y: "ms",
            series: vec![Series {
                name: "n",
                mark: Mark::Line,
                points: vec![(0.0, 0.0), (10.0, 3.0)],
            }],
        };
        let html = plot.to_html();
        assert!(html.contains("points=\"56.0,204.0 628.0,12.0\""), "{html}");
    }
}
