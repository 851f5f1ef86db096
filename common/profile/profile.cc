#include "common/profile/profile.h"

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/profile/content_key.h"
#include "common/profile/draft.h"
#include "common/profile/duplicates.h"
#include "common/profile/fit.h"
#include "common/profile/generic.h"
#include "common/profile/selection.h"
#include "common/profile/vestige.h"

namespace vecferry::profile {
namespace {

// Chooses the profile and says why.
absl::Status Recognise(const PlanInput& input, core::Plan& plan) {
  const std::string& asked = input.identity.profile;
  const std::string missing = WhyNotVestige(input.schema);
  if (asked != "auto" && asked != "vestige" && asked != "generic") {
    return absl::InvalidArgumentError(absl::StrCat("--profile ", asked, ": auto, vestige and generic are allowed"));
  }
  if (asked == "vestige" && !missing.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("--profile vestige: ", input.identity.source_path,
                                                   " is no Vestige store: ", missing,
                                                   "; use --profile generic (or auto, which chooses it)"));
  }
  plan.profile = asked == "auto" ? (missing.empty() ? "vestige" : "generic") : asked;
  if (asked != "auto") {
    plan.profile_reason = absl::StrCat("--profile ", asked);
  } else if (missing.empty()) {
    plan.profile_reason = "the table knowledge_nodes has the columns of a Vestige store";
  } else {
    plan.profile_reason = absl::StrCat("no profile of its own fits: ", missing);
  }
  return absl::OkStatus();
}

// The keys that the migration makes tell what must be unique. Those of an existing table are its own; Postgres names
// what they refuse.
absl::Status FindAllDuplicates(const PlanInput& input, core::Plan& plan) {
  for (core::Mapping& mapping : plan.mappings) {
    if (!mapping.counted) {
      mapping.duplicates = plan.mappings[mapping.counted_by].duplicates;
      continue;
    }
    std::vector<std::vector<std::string>> keys = {mapping.conflict_key};
    for (const core::FinishStep& step : plan.steps) {
      const bool key = step.kind == core::StepKind::kConstraint || step.kind == core::StepKind::kIndex;
      if (!key || step.table != mapping.destination_table || step.columns.empty()) continue;
      if (step.columns != mapping.conflict_key) keys.push_back(step.columns);
    }
    RETURN_IF_ERROR(FindDuplicates(input, *input.schema.Find(mapping.source_table), keys, mapping));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<core::Plan> MakePlan(const PlanInput& input) {
  Draft draft(input);
  RETURN_IF_ERROR(Recognise(input, draft.plan));
  ASSIGN_OR_RETURN(const std::vector<const sqlite::SourceTable*> tables, SelectTables(draft));
  ASSIGN_OR_RETURN(const SaidVectors said, ParseVectorColumns(input));
  if (draft.plan.profile == "vestige") {
    ASSIGN_OR_RETURN(draft.plan.schema_version, ReadVestigeVersion(input));
    RETURN_IF_ERROR(DraftVestige(draft, tables, said));
  } else {
    RETURN_IF_ERROR(DraftGeneric(draft, tables, said));
  }
  RETURN_IF_ERROR(FitExistingTables(draft));
  Render(draft);
  RETURN_IF_ERROR(FindAllDuplicates(input, draft.plan));
  return std::move(draft.plan);
}

absl::Status RenewPlan(sqlite::Database& source, const sqlite::SourceSchema& schema, core::Plan& plan) {
  for (core::Mapping& mapping : plan.mappings) {
    RETURN_IF_ERROR(RenewContentKey(source, *schema.Find(mapping.source_table), mapping));
  }
  RETURN_IF_ERROR(RenewSequences(source, schema, plan));
  return FindAllDuplicates({source, schema, plan.identity, nullptr}, plan);
}

}  // namespace vecferry::profile
