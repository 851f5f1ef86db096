#include "cli/rate_meter.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace vecferry::cli {
namespace {

// Long enough to smooth commit groups of a second, short enough to follow a change from small to large rows.
constexpr absl::Duration kWindow = absl::Seconds(15);

std::string KeyOf(const core::TableReport& table) { return absl::StrCat(table.source, "\n", table.destination); }

}  // namespace

void RateMeter::Add(absl::Time time, std::int64_t rows, std::int64_t bytes) {
  samples_.push_back({time, rows, bytes});
  while (samples_.size() > 2 && time - samples_[1].time > kWindow) samples_.pop_front();
}

double RateMeter::PerSecond(std::int64_t Sample::*member) const {
  if (samples_.size() < 2) return 0;
  const double seconds = absl::ToDoubleSeconds(samples_.back().time - samples_.front().time);
  return seconds <= 0 ? 0 : static_cast<double>(samples_.back().*member - samples_.front().*member) / seconds;
}

double RateMeter::rows_per_second() const { return PerSecond(&Sample::rows); }
double RateMeter::bytes_per_second() const { return PerSecond(&Sample::bytes); }

void Rates::Add(absl::Time time, const core::Report& report) {
  for (const core::TableReport& table : report.tables) {
    tables_[KeyOf(table)].Add(time, table.counters.read, table.counters.bytes);
  }
  const core::TableReport total = Total(report);
  all_.Add(time, total.counters.read, total.counters.bytes);
}

const RateMeter& Rates::OfTable(const core::TableReport& table) const {
  static const RateMeter kNone;
  const auto found = tables_.find(KeyOf(table));
  return found == tables_.end() ? kNone : found->second;
}

core::TableReport Total(const core::Report& report) {
  core::TableReport total;
  for (const core::TableReport& table : report.tables) {
    total.counters += table.counters;
    total.rows_expected += table.rows_expected;
    total.bytes_expected += table.bytes_expected;
  }
  return total;
}

double SecondsLeft(const core::TableReport& table, const RateMeter& rate) {
  if (rate.rows_per_second() <= 0) return -1;
  const std::int64_t left = std::max<std::int64_t>(0, table.rows_expected - table.counters.read);
  return static_cast<double>(left) / rate.rows_per_second();
}

}  // namespace vecferry::cli
