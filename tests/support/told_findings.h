#ifndef VECFERRY_TESTS_SUPPORT_TOLD_FINDINGS_H_
#define VECFERRY_TESTS_SUPPORT_TOLD_FINDINGS_H_

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/core/findings.h"

namespace vecferry::testing {

// Keeps what checks tell. Every check must have evidence.
class ToldFindings final : public core::Findings {
 public:
  absl::Status Tell(const core::CheckReport& check) override {
    EXPECT_NE(check.evidence, "") << check.name;
    checks.push_back(check);
    return absl::OkStatus();
  }
  absl::Status Tell(const core::DifferenceReport& difference) override {
    differences.push_back(difference);
    return absl::OkStatus();
  }
  void CountMoreDifferences(std::int64_t more) override { differences_more += more; }
  absl::Status Tell(const core::RecallReport& told) override {
    recall.push_back(told);
    return absl::OkStatus();
  }
  absl::Status Tell(const core::TableSize& size) override {
    sizes.push_back(size);
    return absl::OkStatus();
  }
  absl::Status TellStep(absl::string_view step) override {
    steps.emplace_back(step);
    return absl::OkStatus();
  }

  // "name table" of the checks with that verdict.
  std::vector<std::string> With(const std::string& verdict) const {
    std::vector<std::string> names;
    for (const core::CheckReport& check : checks) {
      if (check.verdict == verdict) names.push_back(absl::StrCat(check.name, " ", check.table));
    }
    return names;
  }
  const core::CheckReport& Check(const std::string& name) const {
    for (const core::CheckReport& check : checks) {
      if (check.name == name) return check;
    }
    static const core::CheckReport none;
    ADD_FAILURE() << "no check " << name;
    return none;
  }
  // "kind table columns: detail" of the differences.
  std::vector<std::string> Differences() const {
    std::vector<std::string> texts;
    for (const core::DifferenceReport& difference : differences) {
      texts.push_back(
          absl::StrCat(difference.kind, " ", difference.table, " ", difference.columns, ": ", difference.detail));
    }
    return texts;
  }

  std::vector<core::CheckReport> checks;
  std::vector<core::DifferenceReport> differences;
  std::int64_t differences_more = 0;
  std::vector<core::RecallReport> recall;
  std::vector<core::TableSize> sizes;
  std::vector<std::string> steps;
};

}  // namespace vecferry::testing

#endif  // VECFERRY_TESTS_SUPPORT_TOLD_FINDINGS_H_
