#include "common/profile/vectors.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/profile/source.h"

namespace vecferry::profile {
namespace {

using core::PgKind;
using core::StorageClass;

absl::Status BadFlag(const std::string& value, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat("--vector-column ", value, ": ", why));
}

std::string ListDimensions(const ValueFacts& facts) {
  std::vector<std::pair<std::int64_t, std::int64_t>> counts(facts.dimensions.begin(), facts.dimensions.end());
  std::sort(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  const std::size_t shown = std::min<std::size_t>(counts.size(), 3);
  std::string list = absl::StrJoin(
      counts.begin(), counts.begin() + shown, ", ",
      [](std::string* out, const auto& entry) { absl::StrAppend(out, entry.first, " (", entry.second, " rows)"); });
  return counts.size() > shown ? absl::StrCat(list, " and others") : list;
}

// The table and column that "T.C" names; both names may hold dots.
std::optional<std::pair<std::string, std::string>> FindNamed(const sqlite::SourceSchema& schema,
                                                             const std::string& name) {
  for (std::size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1)) {
    const sqlite::SourceTable* table = schema.Find(name.substr(0, dot));
    const sqlite::SourceColumn* column = table == nullptr ? nullptr : FindColumn(*table, name.substr(dot + 1));
    if (column != nullptr && table->kind == sqlite::TableKind::kOrdinary) return {{table->name, column->name}};
  }
  return std::nullopt;
}

// One dimension: vector(D). Several: vector, which takes them all and cannot be indexed.
core::PgType TypeForDimensions(const std::string& name, const ValueFacts& facts, std::vector<std::string>& notes) {
  if (facts.dimensions.rbegin()->first > kVectorDimensionMax) {
    notes.push_back(absl::StrCat(name, ": vectors of ", facts.dimensions.rbegin()->first,
                                 " dimensions; pgvector holds ", kVectorDimensionMax, ": carried as bytea"));
    return {PgKind::kBytea};
  }
  if (facts.dimensions.size() == 1) {
    const int dimension = static_cast<int>(facts.dimensions.begin()->first);
    if (dimension > kHnswDimensionMax) {
      notes.push_back(absl::StrCat(name, ": ", dimension, " dimensions; HNSW indexes end at ", kHnswDimensionMax,
                                   ": carried without a vector index"));
    }
    return {PgKind::kVector, dimension};
  }
  notes.push_back(absl::StrCat(name, ": vectors of several dimensions, ", ListDimensions(facts),
                               ": carried as vector without a dimension, and without a vector index"));
  return {PgKind::kVector};
}

}  // namespace

absl::StatusOr<SaidVectors> ParseVectorColumns(const PlanInput& input) {
  SaidVectors said;
  for (const std::string& value : input.identity.vector_columns) {
    const std::size_t colon = value.rfind(':');
    int dimension = 0;
    if (colon == std::string::npos || !absl::SimpleAtoi(value.substr(colon + 1), &dimension) || dimension < 1 ||
        dimension > kVectorDimensionMax) {
      return BadFlag(value, absl::StrCat("TABLE.COLUMN:DIM is allowed, DIM from 1 to ", kVectorDimensionMax));
    }
    const auto named = FindNamed(input.schema, value.substr(0, colon));
    if (!named) {
      std::vector<std::string> tables;
      for (const sqlite::SourceTable& table : input.schema.tables) {
        if (table.kind == sqlite::TableKind::kOrdinary && tables.size() < 10) tables.push_back(table.name);
      }
      return BadFlag(
          value, absl::StrCat("the source has no such table and column; its tables: ", absl::StrJoin(tables, ", ")));
    }
    if (!said.emplace(*named, dimension).second) return BadFlag(value, "this column is named twice");
  }
  return said;
}

bool HasVectorName(absl::string_view column) {
  const std::string name = absl::AsciiStrToLower(column);
  for (const char* word : {"embedding", "embeddings", "vector", "vectors", "vec", "emb", "centroid"}) {
    if (name == word || absl::EndsWith(name, absl::StrCat("_", word)) ||
        absl::StartsWith(name, absl::StrCat(word, "_"))) {
      return true;
    }
  }
  return absl::EndsWith(name, "embedding") || absl::EndsWith(name, "vector");
}

bool HasVectorCompanion(const sqlite::SourceTable& table) {
  return std::any_of(table.columns.begin(), table.columns.end(), [](const sqlite::SourceColumn& column) {
    const std::string name = absl::AsciiStrToLower(column.name);
    return name == "dimensions" || name == "dimension" || name == "dim" || name == "dims" || name == "model" ||
           name == "embedding_model" || name == "embedding_dimension";
  });
}

std::optional<int> DeclaredDimension(absl::string_view declared_type) {
  const std::string type = absl::AsciiStrToUpper(declared_type);
  const std::size_t open = type.find_first_of("([");
  if (open == std::string::npos || type.size() < open + 3) return std::nullopt;
  const std::string word(absl::StripAsciiWhitespace(type.substr(0, open)));
  int dimension = 0;
  if (word != "VECTOR" && word != "F32_BLOB" && word != "FLOAT32") return std::nullopt;
  if (!absl::SimpleAtoi(type.substr(open + 1, type.size() - open - 2), &dimension) || dimension < 1) {
    return std::nullopt;
  }
  return dimension;
}

absl::StatusOr<std::optional<core::PgType>> RecogniseVector(const PlanInput& input, const sqlite::SourceTable& table,
                                                            const sqlite::SourceColumn& column, const ValueFacts& facts,
                                                            std::optional<int> said, std::vector<std::string>& notes) {
  using Answer = std::optional<core::PgType>;
  const std::string name = absl::StrCat(table.name, ".", column.name);
  if (said) {
    if (facts.values == 0) return Answer({PgKind::kVector, *said});
    if (facts.dimensions.count(*said) == 0) {
      return BadFlag(absl::StrCat(name, ":", *said),
                     facts.vectors == 0 ? "no value of this column reads as a vector"
                                        : absl::StrCat("its vectors have the dimensions ", ListDimensions(facts)));
    }
    return Answer(TypeForDimensions(name, facts, notes));
  }
  const std::optional<int> declared = DeclaredDimension(column.declared_type);
  if (facts.vectors == 0) {
    return declared && facts.values == 0 && *declared <= kVectorDimensionMax ? Answer({PgKind::kVector, *declared})
                                                                             : std::nullopt;
  }
  const bool named = declared || HasVectorName(column.name);
  if (!facts.Saw(StorageClass::kBlob)) {
    // Numbers in JSON lose digits on the way to float32, so every value must ask for it.
    return named && facts.vectors == facts.values ? Answer(TypeForDimensions(name, facts, notes)) : std::nullopt;
  }
  // A few damaged blobs do not make a column of embeddings something else; without the name, every blob must agree.
  const bool agreed = named
                          ? facts.vectors * 4 >= facts.values * 3
                          : HasVectorCompanion(table) && facts.vectors == facts.values && facts.dimensions.size() == 1;
  if (!agreed) return std::nullopt;
  ASSIGN_OR_RETURN(const bool floats, LooksLikeFloats(input.source, table.name, column.name));
  return floats ? Answer(TypeForDimensions(name, facts, notes)) : std::nullopt;
}

}  // namespace vecferry::profile
