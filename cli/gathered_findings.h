#ifndef VECFERRY_CLI_GATHERED_FINDINGS_H_
#define VECFERRY_CLI_GATHERED_FINDINGS_H_

#include <functional>
#include <utility>

#include "common/core/findings.h"
#include "common/core/report.h"

namespace vecferry::cli {

// Puts what a verification finds into a report. The report must outlive it.
class GatheredFindings : public core::Findings {
 public:
  GatheredFindings(core::Report& report, std::function<absl::Status(const core::Report&)> on_change)
      : report_(report), on_change_(std::move(on_change)) {}

  absl::Status Tell(const core::CheckReport& check) override {
    report_.checks.push_back(check);
    return on_change_(report_);
  }
  absl::Status Tell(const core::DifferenceReport& difference) override {
    if (report_.differences.size() < core::kDifferencesMax) {
      report_.differences.push_back(difference);
    } else {
      ++report_.differences_more;
    }
    return absl::OkStatus();
  }
  void CountMoreDifferences(std::int64_t differences) override { report_.differences_more += differences; }
  absl::Status Tell(const core::RecallReport& recall) override {
    report_.recall.push_back(recall);
    return absl::OkStatus();
  }
  absl::Status Tell(const core::TableSize& size) override {
    report_.sizes.push_back(size);
    return absl::OkStatus();
  }
  absl::Status TellStep(absl::string_view step) override {
    report_.step = std::string(step);
    return on_change_(report_);
  }

 private:
  core::Report& report_;
  const std::function<absl::Status(const core::Report&)> on_change_;
};

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_GATHERED_FINDINGS_H_
