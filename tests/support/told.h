#ifndef VECFERRY_TESTS_SUPPORT_TOLD_H_
#define VECFERRY_TESTS_SUPPORT_TOLD_H_

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "verifier/findings.h"

namespace vecferry::verifier {

// Keeps what it is told.
class Told : public Findings {
 public:
  absl::Status Tell(const core::CheckReport& check) override {
    checks.push_back(check);
    return absl::OkStatus();
  }
  absl::Status Tell(const core::DifferenceReport& difference) override {
    differences.push_back(difference);
    return absl::OkStatus();
  }
  void CountMoreDifferences(std::int64_t differences) override { more += differences; }
  absl::Status Tell(const core::RecallReport& report) override {
    recall.push_back(report);
    return absl::OkStatus();
  }
  absl::Status Tell(const core::TableSize&) override { return absl::OkStatus(); }

  const core::CheckReport& Check(const std::string& name) const {
    for (const core::CheckReport& check : checks) {
      if (check.name == name) return check;
    }
    static const core::CheckReport none;
    ADD_FAILURE() << "no check " << name;
    return none;
  }

  std::vector<core::CheckReport> checks;
  std::vector<core::DifferenceReport> differences;
  std::vector<core::RecallReport> recall;
  std::int64_t more = 0;  // differences that are not named
};

}  // namespace vecferry::verifier

#endif  // VECFERRY_TESTS_SUPPORT_TOLD_H_
