#ifndef VECFERRY_COMMON_CORE_FINDINGS_H_
#define VECFERRY_COMMON_CORE_FINDINGS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/core/report.h"

namespace vecferry::core {

// Told what checks find, as soon as it is found. An error (nobody listens any more) ends the checking with it.
// Not thread-safe: checks tell from the thread that called them.
class Findings {
 public:
  virtual ~Findings() = default;
  virtual absl::Status Tell(const CheckReport& check) = 0;
  // Evidence of a failed check, told before it. A check names at most kDifferencesMax and counts the others.
  virtual absl::Status Tell(const DifferenceReport& difference) = 0;
  virtual void CountMoreDifferences(std::int64_t differences) = 0;
  virtual absl::Status Tell(const RecallReport& recall) = 0;
  virtual absl::Status Tell(const TableSize& size) = 0;
  // What is looked at from now on, for people.
  virtual absl::Status TellStep(absl::string_view step) = 0;
};

}  // namespace vecferry::core

#endif  // VECFERRY_COMMON_CORE_FINDINGS_H_
