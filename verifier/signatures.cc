#include "verifier/signatures.h"

#include <algorithm>
#include <cstdlib>
#include <random>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/core/migration.h"
#include "common/core/types.h"
#include "verifier/compared_table.h"
#include "verifier/difference_text.h"
#include "verifier/expected_rows.h"
#include "verifier/model_sample.h"

namespace vecferry::verifier {
namespace {

constexpr char kRegistry[] = "embedding_model";
// Norms are taken of so many vectors of a column: evidence, for which reading them all would cost too much.
constexpr int kNormsOf = 10'000;
constexpr int kGroupsShown = 10;
// Where a store keeps the text that a vector is made of, the likeliest first.
constexpr absl::string_view kTextColumns[] = {"content", "text", "body", "document", "chunk", "memory"};
constexpr std::uint64_t kSampleSeed = 1;

bool IsVector(const ComparedColumn& column) {
  return column.type.kind == core::PgKind::kVector || column.type.kind == core::PgKind::kHalfvec;
}

class Signatures {
 public:
  Signatures(const Verification& verification, core::Findings& findings)
      : verification_(verification), plan_(verification.plan), findings_(findings) {}

  absl::Status CheckRegistry() {
    const std::string table = Qualified(kRegistry);
    const std::string sql = absl::StrCat("SELECT name, dimension FROM ", table, " ORDER BY id LIMIT 1");
    ASSIGN_OR_RETURN(const postgres::Result row, verification_.sessions[0].Execute(sql));
    const std::string expected = absl::StrCat(plan_.main_model->name, ", ", plan_.main_model->dimension, " dimensions");
    const std::string actual =
        row.rows() == 0 ? "no row" : absl::StrCat(row.text(0, 0), ", ", row.text(0, 1), " dimensions");
    if (actual != expected) {
      RETURN_IF_ERROR(findings_.Tell(core::DifferenceReport{
          kRegistry, "", "name,dimension", "signature",
          absl::StrCat("the registry must state ", expected, ", and has ", core::SanitizeText(actual))}));
    }
    return findings_.Tell(
        core::CheckReport{"model_registry", kRegistry, actual == expected ? "pass" : "fail", expected, actual, sql});
  }

  absl::Status CheckTable(const ComparedTable& table) {
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      if (!IsVector(table.columns[i])) continue;
      RETURN_IF_ERROR(TellGroups(table, table.columns[i]));
      if (verification_.options.embedder_url.empty()) continue;
      RETURN_IF_ERROR(SampleTexts(table, static_cast<int>(i)));
    }
    return absl::OkStatus();
  }

 private:
  std::string Qualified(const std::string& table) const {
    return core::QualifiedName(plan_.identity.destination_schema, table);
  }

  // Vectors by model, with the profile of their norms.
  absl::Status TellGroups(const ComparedTable& table, const ComparedColumn& column) {
    const std::string quoted = core::QuoteIdentifier(column.name);
    const int model = FindModel(table);
    const std::string by =
        model < 0 ? "''" : core::QuoteIdentifier(table.columns[static_cast<std::size_t>(model)].name);
    const std::string extension = core::QuoteIdentifier(plan_.extension_schema);
    const bool halves = column.type.kind == core::PgKind::kHalfvec;
    const std::string sql = absl::StrCat(
        "SELECT coalesce(m::text, ''), count(*), min(d), max(d), min(n), max(n), count(*) FILTER (WHERE n = 0), "
        "count(*) "
        "FILTER (WHERE abs(n - 1) < 1e-3) FROM (SELECT ",
        by, " AS m, ", extension, ".vector_dims(", quoted, ") AS d, ", extension,
        halves ? ".l2_norm(" : ".vector_norm(", quoted, ") AS n FROM ", Qualified(table.name), " WHERE ", quoted,
        " IS NOT NULL LIMIT ", kNormsOf, ") AS vectors GROUP BY 1 ORDER BY 2 DESC, 1");
    ASSIGN_OR_RETURN(const postgres::Result groups, verification_.sessions[0].Execute(sql));
    if (groups.rows() == 0) return absl::OkStatus();
    std::vector<std::string> told;
    for (int row = 0; row < std::min(groups.rows(), kGroupsShown); ++row) told.push_back(Group(groups, row));
    if (groups.rows() > kGroupsShown) told.push_back(absl::StrCat(groups.rows() - kGroupsShown, " more groups"));
    return findings_.Tell(core::CheckReport{"model_groups", absl::StrCat(table.name, ".", column.name), "pass",
                                            absl::StrCat("vectors by model, of the first ", kNormsOf),
                                            absl::StrJoin(told, "; "), sql});
  }

  static std::string Group(const postgres::Result& groups, int row) {
    const auto number = [&](int column) { return groups.integer(row, column); };
    double shortest = 0, longest = 0;
    static_cast<void>(absl::SimpleAtod(groups.text(row, 4), &shortest));
    static_cast<void>(absl::SimpleAtod(groups.text(row, 5), &longest));
    std::string text = absl::StrCat(number(1), " vectors");
    if (!groups.text(row, 0).empty()) absl::StrAppend(&text, " of ", core::SanitizeText(groups.text(row, 0)));
    absl::StrAppend(&text, ", ", number(2));
    if (number(3) != number(2)) absl::StrAppend(&text, " to ", number(3));
    absl::StrAppend(&text, " dimensions, norms ", absl::StrFormat("%.4g to %.4g", shortest, longest), " (", number(7),
                    " of length 1");
    if (number(6) > 0) absl::StrAppend(&text, ", ", number(6), " zero");
    return text + ")";
  }

  // Rows with text and vector, each as likely as the others.
  absl::Status SampleTexts(const ComparedTable& table, int vector) {
    int text = -1;
    for (const absl::string_view name : kTextColumns) {
      if (text < 0) text = FindColumn(table, name);
    }
    const core::VerifyOptions& options = verification_.options;
    const ComparedColumn& column = table.columns[static_cast<std::size_t>(vector)];
    if (text < 0 || column.type.dimension == 0) return absl::OkStatus();
    std::mt19937_64 random(kSampleSeed);
    std::vector<TextAndVector> sample;
    std::uint64_t seen = 0;
    RETURN_IF_ERROR(ForEachRuledRow(verification_.source, plan_, table, [&](const RuledRow& row) {
      if (!row.ruling.carried || !row.row.field(text) || !row.row.field(vector)) return absl::OkStatus();
      const std::uint64_t place =
          seen < static_cast<std::uint64_t>(options.embedder_texts) ? seen : random() % (seen + 1);
      ++seen;
      if (place >= static_cast<std::uint64_t>(options.embedder_texts)) return absl::OkStatus();
      if (place == sample.size()) sample.emplace_back();
      sample[place] = {std::string(*row.row.field(text)), std::string(*row.row.field(vector)),
                       DescribeKey(table.columns, table.key, row.row)};
      return absl::OkStatus();
    }));
    ModelSampleOptions asked{table.name, column.name, column.type, options.embedder_prefix};
    asked.cosine_min = options.embedder_cosine_min;
    EmbedderOptions embedder;
    embedder.url = options.embedder_url;
    embedder.model = options.embedder_model;
    if (embedder.model.empty() && plan_.main_model) embedder.model = plan_.main_model->name;
    const char* const key = std::getenv(kEmbedderKeyVariable);
    if (key != nullptr) embedder.key = key;
    embedder.stopping = verification_.stopping;
    ASSIGN_OR_RETURN(Embedder client, Embedder::Create(std::move(embedder)));
    return CheckModelSample(sample, asked, client, findings_);
  }

  const Verification& verification_;
  const core::Plan& plan_;
  core::Findings& findings_;
};

// Whether the profile itself states the registry's row: a row that the source has is compared with all others.
bool StatesRegistry(const core::Plan& plan) {
  if (!plan.main_model) return false;
  const std::string insert =
      absl::StrCat("INSERT INTO ", core::QualifiedName(plan.identity.destination_schema, kRegistry), " ");
  return std::any_of(plan.seed_sql.begin(), plan.seed_sql.end(),
                     [&](const std::string& sql) { return absl::StartsWith(sql, insert); });
}

}  // namespace

absl::Status CheckSignatures(const Verification& verification, const std::set<std::string>& unreadable,
                             core::Findings& findings) {
  Signatures signatures(verification, findings);
  if (StatesRegistry(verification.plan) && !unreadable.contains(kRegistry)) {
    RETURN_IF_ERROR(signatures.CheckRegistry());
  }
  for (const std::string& name : MappedTables(verification.plan)) {
    if (unreadable.contains(name)) continue;
    ASSIGN_OR_RETURN(const ComparedTable table, LayOutTable(verification.sessions[0], verification.plan, name));
    RETURN_IF_ERROR(signatures.CheckTable(table));
  }
  return absl::OkStatus();
}

}  // namespace vecferry::verifier
