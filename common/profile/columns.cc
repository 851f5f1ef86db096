#include "common/profile/columns.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/profile/source.h"
#include "common/profile/types.h"

namespace vecferry::profile {
namespace {

using core::PgKind;

bool IsIndexed(const sqlite::SourceTable& table, const sqlite::SourceColumn& column) {
  return column.primary_key > 0 ||
         std::any_of(table.indexes.begin(), table.indexes.end(), [&](const sqlite::SourceIndex& index) {
           return std::find(index.columns.begin(), index.columns.end(), column.name) != index.columns.end();
         });
}

bool MayBeVector(const sqlite::SourceTable& table, const sqlite::SourceColumn& column, const Declaration& declaration) {
  if (DeclaredDimension(column.declared_type)) return true;
  const PgKind kind = declaration.type.kind;
  if (kind != PgKind::kBytea && kind != PgKind::kText && kind != PgKind::kJsonb) return false;
  return HasVectorName(column.name) || (kind == PgKind::kBytea && HasVectorCompanion(table));
}

Question MakeQuestion(const sqlite::SourceTable& table, const sqlite::SourceColumn& column,
                      const Declaration& declaration, bool said) {
  Question question{column.name, Look::kStorage, declaration.type};
  if (said || MayBeVector(table, column, declaration)) {
    question.look = Look::kVector;
  } else if ((declaration.checked && !declaration.untyped) || IsIndexed(table, column) ||
             declaration.type.kind == PgKind::kInt8 || declaration.type.kind == PgKind::kFloat8) {
    question.look = Look::kValue;
  }
  return question;
}

core::PgType TypeByValues(const Declaration& declaration, const ValueFacts& facts) {
  if (!declaration.checked) return declaration.type;
  if (declaration.untyped) return TypeFound(facts);
  return facts.fits ? declaration.type : TypeFound(facts);
}

// What an earlier run made of the same column stands, as long as it is one of the types that the rules know for it: a
// value that came since and does not fit costs one value, not the whole run.
core::PgType PreferExisting(const core::PgType& type, const Declaration& declaration, const ValueFacts& facts,
                            const std::string& name, const postgres::CatalogTable* existing) {
  if (existing == nullptr) return type;
  for (const postgres::CatalogColumn& column : existing->columns) {
    if (column.name != name) continue;
    const absl::StatusOr<core::PgType> there = core::ParsePgType(column.type);
    if (!there.ok()) return type;
    const bool known = *there == declaration.type || *there == TypeFound(facts) || there->kind == PgKind::kText;
    const bool widens = there->kind == PgKind::kVector && type.kind == PgKind::kVector && there->dimension == 0;
    return known || widens ? *there : type;
  }
  return type;
}

void NoteOtherType(const sqlite::SourceTable& table, const ColumnDesign& design, const Declaration& declaration,
                   Draft& draft) {
  if (!declaration.checked || declaration.untyped || design.type == declaration.type) return;
  draft.Note(absl::StrCat(table.name, ".", design.source->name, " is declared ", design.source->declared_type,
                          ", which not all its values are: carried as ", core::ToString(design.type)));
}

// Whether `type` holds all that was found. A type that the values themselves chose holds what they all are.
bool HoldsAll(const core::PgType& type, const Declaration& declaration, const ValueFacts& facts) {
  if (!declaration.untyped && type == declaration.type) return facts.fits;
  int classes = 0;
  for (const std::int64_t count : {facts.classes[1], facts.classes[2], facts.classes[3], facts.classes[4]}) {
    classes += count > 0 ? 1 : 0;
  }
  return classes <= 1;
}

void SetDefaults(const sqlite::SourceTable& table, const Declaration& declaration, const ValueFacts& facts,
                 ColumnDesign& design, Draft& draft) {
  const bool vector = design.type.kind == PgKind::kVector;
  // A vector that cannot be read arrives as NULL, so that its row arrives at all.
  design.not_null = design.source->not_null && facts.nulls == 0 && !vector && HoldsAll(design.type, declaration, facts);
  if (design.source->default_sql && !vector && !design.source->generated) {
    design.default_sql = TranslateDefault(*design.source->default_sql, design.type);
    if (design.default_sql.empty()) {
      draft.Note(absl::StrCat(table.name, ".", design.source->name, ": its default, ", *design.source->default_sql,
                              ", is not carried over"));
    }
  }
  if (design.not_null && design.conversion == core::Conversion::kNatural) design.fallback = EmptyValue(design.type);
}

}  // namespace

absl::StatusOr<std::vector<ColumnDesign>> DesignColumns(Draft& draft, const sqlite::SourceTable& table,
                                                        const std::vector<const sqlite::SourceColumn*>& columns,
                                                        const postgres::CatalogTable* existing, const SaidVectors& said,
                                                        const IdRule& id_rule, NameSet& names) {
  std::vector<Question> questions;
  std::vector<Declaration> declarations;
  std::vector<std::optional<int>> dimensions;
  for (const sqlite::SourceColumn* column : columns) {
    const auto found = said.find({table.name, column->name});
    dimensions.push_back(found == said.end() ? std::nullopt : std::optional<int>(found->second));
    declarations.push_back(ReadDeclaration(column->declared_type));
    questions.push_back(MakeQuestion(table, *column, declarations.back(), dimensions.back().has_value()));
  }
  ASSIGN_OR_RETURN(const std::vector<ValueFacts> facts, ScanValues(draft.input.source, table.name, questions));
  std::vector<ColumnDesign> designs;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    ColumnDesign design{columns[i], names.Add(columns[i]->name)};
    if (design.name != columns[i]->name) {
      draft.Note(
          absl::StrCat("column ", table.name, ".", columns[i]->name, " is named ", design.name, " at the destination"));
    }
    const std::optional<core::Conversion> id = id_rule == nullptr ? std::nullopt : id_rule(table, *columns[i]);
    std::optional<core::PgType> vector;
    if (questions[i].look == Look::kVector) {
      ASSIGN_OR_RETURN(vector,
                       RecogniseVector(draft.input, table, *columns[i], facts[i], dimensions[i], draft.plan.notes));
    }
    if (id) {
      design.type = {PgKind::kUuid};
      design.conversion = *id;
    } else {
      design.type = PreferExisting(vector ? *vector : TypeByValues(declarations[i], facts[i]), declarations[i],
                                   facts[i], design.name, existing);
      if (!vector) NoteOtherType(table, design, declarations[i], draft);
    }
    design.bytes_longest = facts[i].bytes_longest;
    SetDefaults(table, declarations[i], facts[i], design, draft);
    designs.push_back(std::move(design));
  }
  return designs;
}

void AddDesigned(const ColumnDesign& design, DraftTable& table, core::Mapping& mapping) {
  table.columns.push_back(
      {.name = design.name, .type = design.type, .not_null = design.not_null, .default_sql = design.default_sql});
  core::Column column{design.name, design.type, design.conversion, AddColumnInput(mapping, design.source->name)};
  column.not_null = design.not_null;
  column.fallback = design.fallback;
  mapping.columns.push_back(std::move(column));
}

void AddVectorIndex(Draft& draft, DraftTable& table, const std::string& column, const core::PgType& type,
                    const std::string& name) {
  if (type.kind != PgKind::kVector || type.dimension == 0 || type.dimension > kHnswDimensionMax) return;
  // m and ef_construction are pgvector's defaults, written out so that they show in reports.
  table.indexes.push_back({draft.AddIndexName(name.empty() ? JoinName(table.name, {column}, "hnsw") : name),
                           absl::StrCat("USING hnsw (", core::QuoteIdentifier(column), " ",
                                        core::QualifiedName(draft.plan.extension_schema, "vector_cosine_ops"),
                                        ") WITH (m = 16, ef_construction = 64)"),
                           true});
}

}  // namespace vecferry::profile
