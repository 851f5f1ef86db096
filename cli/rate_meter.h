#ifndef VECFERRY_CLI_RATE_METER_H_
#define VECFERRY_CLI_RATE_METER_H_

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "absl/time/time.h"
#include "common/core/report.h"

namespace vecferry::cli {

// How fast rows and bytes grow, over the last seconds. Thread-compatible.
class RateMeter {
 public:
  void Add(absl::Time time, std::int64_t rows, std::int64_t bytes);
  double rows_per_second() const;
  double bytes_per_second() const;

 private:
  struct Sample {
    absl::Time time;
    std::int64_t rows, bytes;
  };
  double PerSecond(std::int64_t Sample::*member) const;
  std::deque<Sample> samples_;
};

// The rates of each table of a report and of all together. Thread-compatible.
class Rates {
 public:
  void Add(absl::Time time, const core::Report& report);
  const RateMeter& OfTable(const core::TableReport& table) const;
  const RateMeter& OfAll() const { return all_; }

 private:
  std::map<std::string, RateMeter> tables_;
  RateMeter all_;
};

// All tables of a report as one.
core::TableReport Total(const core::Report& report);
// Seconds until the table has arrived at this rate; negative: cannot be said.
double SecondsLeft(const core::TableReport& table, const RateMeter& rate);

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_RATE_METER_H_
