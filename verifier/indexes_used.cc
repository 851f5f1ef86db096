#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/core/types.h"
#include "verifier/index_query.h"
#include "verifier/planned_indexes.h"
#include "verifier/structure.h"
#include "verifier/structure_expected.h"
#include "verifier/structure_tell.h"

namespace vecferry::verifier {
namespace {

// A small table is rightly scanned, and its rows rightly sorted: what is asked is whether the index can answer.
constexpr char kIndexesOnly[] =
    "SET LOCAL enable_seqscan TO off; SET LOCAL enable_sort TO off; SET LOCAL enable_indexscan TO on; SET LOCAL "
    "enable_bitmapscan TO on";

struct QueryPlan {
  std::string text;                  // its scans, such as "Index Scan using notes_pkey"
  std::vector<std::string> indexes;  // in order
};

void CollectScans(const nlohmann::json& node, QueryPlan& plan, std::vector<std::string>& scans) {
  const std::string type = node.value("Node Type", "");
  const std::string index = node.value("Index Name", "");
  if (!index.empty()) plan.indexes.push_back(index);
  if (type.find("Scan") != std::string::npos)
    scans.push_back(absl::StrCat(type, index.empty() ? "" : " using ", index));
  const auto below = node.find("Plans");
  if (below == node.end()) return;
  for (const nlohmann::json& child : *below) CollectScans(child, plan, scans);
}

absl::StatusOr<QueryPlan> Explain(postgres::Connection& session, const std::string& sql) {
  ASSIGN_OR_RETURN(const postgres::Result explained, session.Execute(absl::StrCat("EXPLAIN (FORMAT JSON) ", sql)));
  const absl::string_view text = explained.text(0, 0);
  const nlohmann::json document = nlohmann::json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!document.is_array() || document.empty() || !document[0].contains("Plan")) {
    return absl::InternalError(absl::StrCat("EXPLAIN said: ", Shorten(text)));
  }
  QueryPlan plan;
  std::vector<std::string> scans;
  CollectScans(document[0]["Plan"], plan, scans);
  plan.text = absl::StrJoin(scans, ", ");
  return plan;
}

// What was found about one index.
struct Use {
  std::string verdict = "fail";
  std::string actual;
  std::string evidence;
};

class IndexesUsed {
 public:
  IndexesUsed(postgres::Connection& session, const core::Plan& plan, core::Findings& findings)
      : session_(session), plan_(plan), findings_(findings) {}

  // In a transaction.
  absl::Status Run(const std::vector<PlannedIndex>& indexes) {
    RETURN_IF_ERROR(SearchCatalogs(session_));
    for (const PlannedIndex& index : indexes) {
      RETURN_IF_ERROR(session_.ExecuteScript("SAVEPOINT looking"));
      Use use;
      const absl::Status looked = Look(index, use);
      if (!looked.ok()) {
        // An index that fails when it is used is what this check is for.
        if (!IsAnswer(looked)) return looked;
        use.verdict = "fail";
        use.actual = Shorten(looked.message());
      }
      RETURN_IF_ERROR(session_.ExecuteScript("ROLLBACK TO looking; RELEASE looking"));
      RETURN_IF_ERROR(Tell(index, use));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Tell(const PlannedIndex& index, Use& use) {
    if (use.evidence.empty()) {
      use.evidence = IndexesEvidence(core::QualifiedName(plan_.identity.destination_schema, index.table), "");
    }
    if (use.verdict == "fail") {
      core::DifferenceReport difference;
      difference.table = index.table;
      difference.kind = "index";
      difference.detail =
          absl::StrCat("index ", index.planned_name, ": expected to answer its query, found ", use.actual);
      RETURN_IF_ERROR(findings_.Tell(difference));
    }
    return findings_.Tell(core::CheckReport{"index_used", index.table, use.verdict, index.planned_name, use.actual,
                                            std::move(use.evidence)});
  }

  absl::Status Look(const PlannedIndex& index, Use& use) {
    const std::string table = core::QualifiedName(plan_.identity.destination_schema, index.table);
    const absl::StatusOr<IndexShape> shape = ReadIndexShape(session_, plan_.identity.destination_schema, index.name);
    if (absl::IsNotFound(shape.status())) {
      use.actual = "dropped while it was looked at";
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(shape.status());
    ASSIGN_OR_RETURN(const IndexQueries queries, MakeIndexQueries(session_, table, *shape));
    if (queries.unknown || !queries.why_none.empty()) {
      use.verdict = queries.unknown ? "skipped" : "pass";
      use.actual = queries.unknown ? absl::StrCat("no query is known for this index of method ", shape->method)
                                   : absl::StrCat("not asked: ", queries.why_none);
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const QueryPlan by_default, Explain(session_, queries.queries.front().sql));
    RETURN_IF_ERROR(session_.ExecuteScript(kIndexesOnly));
    ASSIGN_OR_RETURN(const Choice choice, Choose(index, *shape, queries.queries));
    const IndexQuery& query = *choice.query;
    use.evidence = absl::StrCat("BEGIN; ", kIndexesOnly, "; EXPLAIN ", query.shown,
                                "; ROLLBACK; by default the planner takes: ", by_default.text);
    use.actual = choice.plan.text;
    if (choice.instead.empty() && !choice.own) return absl::OkStatus();
    if (!choice.own) absl::StrAppend(&use.evidence, "; index ", choice.instead, " begins with the same column");
    return RunQuery(query, use);
  }

  struct Choice {
    const IndexQuery* query = nullptr;
    QueryPlan plan;
    bool own = false;     // the index itself is used
    std::string instead;  // another that begins with the same column; "" = none
  };

  // The first query that uses the index; else one that uses another of its kind; else the first.
  absl::StatusOr<Choice> Choose(const PlannedIndex& index, const IndexShape& shape,
                                const std::vector<IndexQuery>& queries) {
    Choice choice;
    for (const IndexQuery& query : queries) {
      ASSIGN_OR_RETURN(QueryPlan plan, Explain(session_, query.sql));
      if (std::find(plan.indexes.begin(), plan.indexes.end(), index.name) != plan.indexes.end()) {
        return Choice{&query, std::move(plan), true, ""};
      }
      ASSIGN_OR_RETURN(const bool alike, IsAlike(plan, shape));
      if (choice.query == nullptr || (alike && choice.instead.empty())) {
        const std::string other = alike ? plan.indexes.front() : "";
        choice = {&query, std::move(plan), false, other};
      }
    }
    return choice;
  }

  // Whether the plan's first index begins as this one does. A shared first column is enough: both find by it.
  absl::StatusOr<bool> IsAlike(const QueryPlan& plan, const IndexShape& shape) {
    if (plan.indexes.empty()) return false;
    ASSIGN_OR_RETURN(const IndexShape other,
                     ReadIndexShape(session_, plan_.identity.destination_schema, plan.indexes.front()));
    return other.method == shape.method && other.op_class == shape.op_class &&
           other.key.front().name == shape.key.front().name;
  }

  absl::Status RunQuery(const IndexQuery& query, Use& use) {
    ASSIGN_OR_RETURN(const postgres::Result answers, session_.Execute(query.sql));
    bool found = query.row.empty() || answers.rows() == kAnswersMax;
    for (int row = 0; row < answers.rows() && !found; ++row) found = answers.text(row, 0) == query.row;
    const bool enough = answers.rows() >= query.rows_min;
    absl::StrAppend(&use.actual, ", rows: ", answers.rows());
    if (!enough) absl::StrAppend(&use.actual, " of ", query.rows_min);
    if (enough && !found) absl::StrAppend(&use.actual, ", the stored row not among them");
    use.verdict = found && enough ? "pass" : "fail";
    return absl::OkStatus();
  }

  postgres::Connection& session_;
  const core::Plan& plan_;
  core::Findings& findings_;
};

}  // namespace

absl::Status CheckIndexesUsed(postgres::Connection& destination, const core::Plan& plan, bool indexes_wanted,
                              const std::set<std::string>& unreadable, core::Findings& findings) {
  ASSIGN_OR_RETURN(const std::vector<PlannedIndex> indexes,
                   FindPlannedIndexes(destination, plan, indexes_wanted, unreadable));
  absl::Status status = destination.ExecuteScript("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  if (status.ok()) status = IndexesUsed(destination, plan, findings).Run(indexes);
  // The first error is the one to tell; a lost connection has rolled back by itself.
  if (destination.in_transaction()) status.Update(destination.ExecuteScript("ROLLBACK"));
  return status;
}

}  // namespace vecferry::verifier
