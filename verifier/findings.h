#ifndef VECFERRY_VERIFIER_FINDINGS_H_
#define VECFERRY_VERIFIER_FINDINGS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "common/core/report.h"

namespace vecferry::verifier {

// Told what checks find, as soon as it is found. An error (nobody listens any more) ends the checking with it.
// Not thread-safe: checks tell from the thread that called them.
class Findings {
 public:
  virtual ~Findings() = default;
  virtual absl::Status Tell(const core::CheckReport& check) = 0;
  // Evidence of a failed check, told before it. A check names at most core::kDifferencesMax and counts the others.
  virtual absl::Status Tell(const core::DifferenceReport& difference) = 0;
  virtual void CountMoreDifferences(std::int64_t differences) = 0;
  virtual absl::Status Tell(const core::RecallReport& recall) = 0;
  virtual absl::Status Tell(const core::TableSize& size) = 0;
};

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_FINDINGS_H_
