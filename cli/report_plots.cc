#include "cli/report_plots.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/text_format.h"

namespace vecferry::cli {
namespace {

constexpr double kWidth = 760;               // of a picture, in its own units: about pixels
constexpr double kFarApart = 30;             // largest by smallest value from which the small ones would be one point
constexpr std::size_t kPictureMax = 6;       // entries of one picture, which a printed page must hold
constexpr double kLeft = 110, kRight = 590;  // of the axis
constexpr double kTop = 34, kEntryHeight = 66, kLaneHeight = 20;

Markup Place(double number) { return Decimal(number, 1); }

// 1, 2 or 5 times a power of ten: 0.002, 10, 5,000.
std::string TickText(double tick) {
  return tick >= 1 ? GroupDigits(std::llround(tick))
                   : absl::StrFormat("%.*f", static_cast<int>(std::ceil(-std::log10(tick) - 1e-9)), tick);
}

bool IsMeasured(const core::LatencyReport& latency) {
  return std::isfinite(latency.p50 + latency.p95 + latency.p99) && latency.p50 > 0 && latency.p95 > 0 &&
         latency.p99 > 0;
}

Axis LogarithmicAxis(double low, double high) {
  Axis axis;
  axis.logarithmic = true;
  const int first = static_cast<int>(std::floor(std::log10(low)));
  const int last = static_cast<int>(std::ceil(std::log10(high)));
  const int powers = last - first;  // the more, the fewer ticks each: their texts must not touch
  for (int power = first; power <= last + 1; power += powers > 6 ? 2 : 1) {
    for (const double step : {1.0, 2.0, 5.0}) {
      if (step == 1 || powers <= 3) axis.ticks.push_back(step * std::pow(10, power));
    }
  }
  // Only ticks about the values, one beyond them on each side.
  const auto begin = std::upper_bound(axis.ticks.begin(), axis.ticks.end(), low);
  const auto end = std::lower_bound(axis.ticks.begin(), axis.ticks.end(), high);
  axis.ticks = {begin == axis.ticks.begin() ? begin : std::prev(begin), end == axis.ticks.end() ? end : std::next(end)};
  axis.low = axis.ticks.front();
  axis.high = axis.ticks.back();
  return axis;
}

Axis LinearAxis(double high) {
  Axis axis;
  double step = std::pow(10, std::floor(std::log10(high)));
  if (high / step < 2) {
    step /= 5;
  } else if (high / step < 5) {
    step /= 2;
  }
  for (double tick = 0; tick < high + step; tick += step) axis.ticks.push_back(tick);
  axis.high = axis.ticks.back();
  return axis;
}

double AtAxis(const Axis& axis, double value) { return kLeft + (kRight - kLeft) * axis.Place(value); }

Markup AxisMarks(const Axis& axis, double bottom) {
  Markup marks;
  for (const double tick : axis.ticks) {
    const Markup x = Place(AtAxis(axis, tick));
    marks += Cat("<line class=\"grid\" x1=\"", x, "\" x2=\"", x, "\" y1=\"", Place(kTop - 6), "\" y2=\"", Place(bottom),
                 "\"/><text class=\"tick\" x=\"", x, "\" y=\"", Place(bottom + 16), "\">",
                 tick == 0 ? Markup("0") : Escaped(TickText(tick)), "</text>\n");
  }
  marks += Cat("<text class=\"tick\" x=\"", Place((kLeft + kRight) / 2), "\" y=\"", Place(bottom + 34),
               "\">milliseconds a query", axis.logarithmic ? Markup(", logarithmic scale") : Markup(), "</text>\n");
  return marks;
}

// What the marks mean.
Markup Legend() {
  return "<g class=\"legend\"><circle cx=\"114\" cy=\"12\" r=\"5\"/><text x=\"124\" y=\"16\">p50</text>"
         "<path d=\"M176 6l6 6-6 6-6-6z\"/><text x=\"188\" y=\"16\">p95</text>"
         "<rect x=\"234\" y=\"5\" width=\"4\" height=\"14\"/><text x=\"246\" y=\"16\">p99</text>"
         "<text class=\"value\" x=\"600\" y=\"16\">p50 / p95 / p99</text></g>\n";
}

Markup Lane(const Axis& axis, const core::LatencyReport& latency, double y, Markup name, Markup css) {
  Markup lane = Cat("<g class=\"", css, "\"><text class=\"lane\" x=\"", Place(kLeft - 10), "\" y=\"", Place(y + 4),
                    "\">", name, "</text>");
  if (!IsMeasured(latency)) {
    lane += Cat("<text class=\"value\" x=\"600\" y=\"", Place(y + 4), "\">not measured</text></g>\n");
    return lane;
  }
  const double p50 = AtAxis(axis, latency.p50), p95 = AtAxis(axis, latency.p95), p99 = AtAxis(axis, latency.p99);
  lane += Cat("<line x1=\"", Place(p50), "\" x2=\"", Place(p99), "\" y1=\"", Place(y), "\" y2=\"", Place(y),
              "\"/><rect x=\"", Place(p99 - 2), "\" y=\"", Place(y - 7), "\" width=\"4\" height=\"14\"/><path d=\"M",
              Place(p95), " ", Place(y - 6), "l6 6-6 6-6-6z\"/><circle cx=\"", Place(p50), "\" cy=\"", Place(y),
              "\" r=\"5\"/>");
  lane += Cat("<text class=\"value\" x=\"600\" y=\"", Place(y + 4), "\">", Milliseconds(latency.p50), " / ",
              Milliseconds(latency.p95), " / ", Milliseconds(latency.p99), "</text></g>\n");
  return lane;
}

Markup Spoken(const core::LatencyReport& latency) {
  if (!IsMeasured(latency)) return "not measured";
  return Cat("p50 ", Milliseconds(latency.p50), ", p95 ", Milliseconds(latency.p95), ", p99 ",
             Milliseconds(latency.p99), " ms");
}

// One picture of the entries `first` to `last`.
Markup LatencyPicture(const Axis& axis, const std::vector<const core::RecallReport*>& entries, std::size_t first,
                      std::size_t last) {
  const double bottom = kTop + kEntryHeight * static_cast<double>(last - first);
  Markup spoken, drawn;
  for (std::size_t i = first; i < last; ++i) {
    const core::RecallReport& entry = *entries[i];
    const double top = kTop + kEntryHeight * static_cast<double>(i - first);
    drawn += Cat("<text class=\"name\" x=\"10\" y=\"", Place(top + 12), "\">", Escaped(SearchedName(entry), 90),
                 "</text>\n", Lane(axis, entry.by_index, top + 28, "with index", "with"),
                 Lane(axis, entry.without_index, top + 28 + kLaneHeight, "without index", "without"));
    spoken += Cat(Escaped(SearchedName(entry), 90), ": with index ", Spoken(entry.by_index), "; without index ",
                  Spoken(entry.without_index), ". ");
  }
  return Cat("<svg class=\"plot\" role=\"img\" viewBox=\"0 0 ", Place(kWidth), " ", Place(bottom + 42), "\" width=\"",
             Place(kWidth), "\" height=\"", Place(bottom + 42), "\">\n<title>Time of a query, with and without index",
             "</title>\n<desc>", spoken, "</desc>\n", Legend(), AxisMarks(axis, bottom), drawn, "</svg>\n");
}

}  // namespace

Markup Milliseconds(double value) {
  if (!std::isfinite(value) || value < 0) return OrDash({});
  if (value >= 1000) return Number(std::llround(std::min(value, 1e15)));
  return Decimal(value, value >= 100 ? 0 : value >= 10 ? 1 : value >= 0.1 ? 2 : 4);
}

double Axis::Place(double value) const {
  const double share = logarithmic ? std::log(value / low) / std::log(high / low) : (value - low) / (high - low);
  return std::clamp(share, 0.0, 1.0);
}

Axis AxisOf(const std::vector<double>& values) {
  double low = INFINITY, high = 0;
  for (const double value : values) {
    if (!(value > 0)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  return high / low > kFarApart ? LogarithmicAxis(low, high) : LinearAxis(high);
}

Markup LatencyPlot(const std::vector<core::RecallReport>& recall) {
  std::vector<const core::RecallReport*> entries;
  std::vector<double> values;
  std::int64_t more = 0;
  for (const core::RecallReport& entry : recall) {
    if (!IsMeasured(entry.by_index) && !IsMeasured(entry.without_index)) continue;
    if (entries.size() == kLatenciesMax) {
      ++more;
      continue;
    }
    entries.push_back(&entry);
    for (const core::LatencyReport& latency : {entry.by_index, entry.without_index}) {
      if (IsMeasured(latency)) values.insert(values.end(), {latency.p50, latency.p95, latency.p99});
    }
  }
  if (entries.empty()) return {};
  const Axis axis = AxisOf(values);
  Markup plot;
  for (std::size_t first = 0; first < entries.size(); first += kPictureMax) {
    plot += Cat("<div class=\"scroll\" tabindex=\"0\">",
                LatencyPicture(axis, entries, first, std::min(entries.size(), first + kPictureMax)), "</div>\n");
  }
  if (more > 0) plot += Cat("<p class=\"more\">+", Number(more), " more, in the table above</p>\n");
  return plot;
}

std::string SearchedName(const core::RecallReport& recall) {
  return absl::StrCat(recall.table, ".", recall.column, recall.slice.empty() ? "" : ", ", recall.slice,
                      recall.model.empty() ? "" : ", ", recall.model, ", k ", recall.k);
}

Markup StagePlot(const core::StageSeconds& seconds) {
  struct Stage {
    Markup name;
    double seconds;
  };
  const Stage stages[] = {
      {"plan", seconds.plan}, {"copy", seconds.copy}, {"finish", seconds.finish}, {"verify", seconds.verify}};
  const double all = std::max(seconds.total, seconds.plan + seconds.copy + seconds.finish + seconds.verify);
  if (!std::isfinite(all) || all <= 0) return {};
  Markup drawn, spoken;
  double before = 0, y = 10;
  for (const Stage& stage : stages) {
    const double left = kLeft + (kRight - kLeft) * before / all;
    const double width = std::max(1.5, (kRight - kLeft) * stage.seconds / all);
    drawn +=
        Cat("<text class=\"lane\" x=\"", Place(kLeft - 10), "\" y=\"", Place(y + 13), "\">", stage.name,
            "</text><rect class=\"track\" x=\"", Place(kLeft), "\" y=\"", Place(y), "\" width=\"",
            Place(kRight - kLeft), "\" height=\"18\"/><rect class=\"stage\" x=\"", Place(left), "\" y=\"", Place(y),
            "\" width=\"", Place(width), "\" height=\"18\"/><text class=\"value\" x=\"600\" y=\"", Place(y + 13), "\">",
            Seconds(stage.seconds), ", ", Decimal(100 * stage.seconds / all, 0), " %</text>\n");
    spoken += Cat(stage.name, " ", Seconds(stage.seconds), ", ");
    before += stage.seconds;
    y += 26;
  }
  drawn += Cat("<text class=\"lane\" x=\"", Place(kLeft - 10), "\" y=\"", Place(y + 13),
               "\">total</text><text class=\"value\" x=\"600\" y=\"", Place(y + 13), "\">", Seconds(seconds.total),
               "</text>\n");
  spoken += Cat("total ", Seconds(seconds.total));
  return Cat("<div class=\"scroll\" tabindex=\"0\"><svg class=\"plot\" role=\"img\" viewBox=\"0 0 ", Place(kWidth), " ",
             Place(y + 24), "\" width=\"", Place(kWidth), "\" height=\"", Place(y + 24),
             "\">\n<title>Time of each stage</title>\n<desc>", spoken, "</desc>\n", drawn, "</svg></div>\n");
}

}  // namespace vecferry::cli
