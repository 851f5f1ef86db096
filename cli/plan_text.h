#ifndef VECFERRY_CLI_PLAN_TEXT_H_
#define VECFERRY_CLI_PLAN_TEXT_H_

#include <cstdint>
#include <string>

#include "common/core/plan.h"
#include "common/sqlite/snapshot.h"

namespace vecferry::cli {

// What a dry run knows beside the plan.
struct PlanContext {
  std::string destination;           // masked
  std::string resumes_migration_id;  // "" = a new migration
  int streams = 1;
  bool no_indexes = false, no_verify = false;
  sqlite::CopyTime source_copied = sqlite::CopyTime::kNever;
  std::int64_t source_bytes = 0;
};

// The whole plan: counts, sizes, what the destination gets, notes, what is left out, and estimates with the rates that
// they rest on. Pure.
std::string FormatPlan(const core::Plan& plan, const PlanContext& context);

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_PLAN_TEXT_H_
