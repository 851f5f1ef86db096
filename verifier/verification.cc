#include "verifier/verification.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "verifier/contents.h"
#include "verifier/counts.h"
#include "verifier/sample.h"
#include "verifier/searches_of_plan.h"
#include "verifier/signatures.h"
#include "verifier/structure.h"

namespace vecferry::verifier {
namespace {

absl::Status TellSizes(const Verification& verification, core::Findings& findings) {
  for (const core::Table& table : verification.plan.tables) {
    ASSIGN_OR_RETURN(
        const postgres::Result sizes,
        verification.sessions[0].Execute(
            "SELECT greatest(c.reltuples, 0)::bigint, pg_catalog.pg_table_size(c.oid), "
            "pg_catalog.pg_indexes_size(c.oid), "
            "coalesce(pg_catalog.pg_stat_get_dead_tuples(c.oid), 0) FROM pg_catalog.pg_class c JOIN "
            "pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind "
            "IN ('r', 'p')",
            {verification.plan.identity.destination_schema, table.name}));
    if (sizes.rows() == 0) continue;
    RETURN_IF_ERROR(findings.Tell(core::TableSize{table.name, sizes.integer(0, 0), sizes.integer(0, 1),
                                                  sizes.integer(0, 2), sizes.integer(0, 3)}));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Verify(const Verification& verification, core::Findings& findings) {
  const core::VerifyOptions& options = verification.options;
  const core::Plan& plan = verification.plan;
  postgres::Connection& session = verification.sessions[0];
  RETURN_IF_ERROR(CheckSlices(plan, options.recall_slices));
  std::set<std::string> unreadable;
  if (options.level != core::kVerifyCounts) {
    RETURN_IF_ERROR(findings.TellStep("checking tables, keys and indexes"));
    RETURN_IF_ERROR(CheckStructure(session, plan, options.indexes_wanted, unreadable, findings));
  }
  if (!verification.migration_id.empty()) {
    RETURN_IF_ERROR(findings.TellStep("counting rows"));
    RETURN_IF_ERROR(CheckCounts(verification.source, session, verification.migration_id, plan, unreadable, findings));
  }
  if (options.level == core::kVerifyCounts) return absl::OkStatus();
  const ContentsInput contents{verification.source, verification.sessions, plan, verification.migration_id,
                               unreadable,          verification.stopping};
  RETURN_IF_ERROR(findings.TellStep("comparing values"));
  std::set<std::string> different;
  RETURN_IF_ERROR(options.level == core::kVerifyFull ? CheckContents(contents, different, findings)
                                                     : CheckSample(contents, findings));
  RETURN_IF_ERROR(findings.TellStep("trying indexes"));
  RETURN_IF_ERROR(CheckIndexesUsed(session, plan, options.indexes_wanted, unreadable, findings));
  RETURN_IF_ERROR(findings.TellStep("looking at embedding models"));
  RETURN_IF_ERROR(CheckSignatures(verification, unreadable, findings));
  if (options.level == core::kVerifyFull) {
    RETURN_IF_ERROR(findings.TellStep("measuring recall"));
    RETURN_IF_ERROR(CheckRecall(verification, unreadable, different, findings));
  }
  return TellSizes(verification, findings);
}

}  // namespace vecferry::verifier
