#include "tests/support/random_store.h"

#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/core/types.h"

namespace vecferry::testing {
namespace {

struct RandomColumn {
  std::string name, type;
  bool key = false;
};

std::string Hex(const std::string& bytes) { return absl::StrCat("x'", absl::BytesToHexString(bytes), "'"); }

// As text whatever its bytes are: NULs and invalid UTF-8 too.
std::string TextLiteral(const std::string& bytes) { return absl::StrCat("CAST(", Hex(bytes), " AS TEXT)"); }

std::string Real(RandomTexts& random) {
  switch (random.Below(6)) {
    case 0:
      return random.Pick<std::string>({"-0.0", "5e-324", "1e308", "9e999", "-9e999", "0.1", "1e15", "123456789.0"});
    case 1: return absl::StrCat(static_cast<std::int64_t>(random.Below(2'000'000'000'000)), ".5");
    default: return absl::StrFormat("%.17g", static_cast<double>(random.Bits() >> 11) / (1 << random.Below(30)));
  }
}

std::string Integer(RandomTexts& random) {
  if (random.Below(8) == 0) return random.Pick<std::string>({"9223372036854775807", "-9223372036854775807", "0", "1"});
  return absl::StrCat(static_cast<std::int64_t>(random.Bits()) >> random.Below(60));
}

std::string Vector(RandomTexts& random) {
  if (random.Below(12) == 0) return Hex(std::string(random.Below(9), '\x7f'));
  return VectorLiteral(random.Floats(3));
}

// A value that goes with the declared type; one time in ten another one.
std::string Value(RandomTexts& random, const RandomColumn& column) {
  if (column.key && column.type == "INTEGER") return Integer(random);  // a rowid takes nothing else
  if (!column.key && random.Below(10) == 0) return "NULL";
  const std::string type =
      random.Below(10) == 0 ? random.Pick<std::string>({"TEXT", "INTEGER", "REAL", "BLOB"}) : column.type;
  if (type == "INTEGER") return Integer(random);
  if (type == "REAL") return Real(random);
  if (type == "TEXT") return TextLiteral(random.Utf8());
  if (type == "BLOB") return Hex(random.Utf8());
  if (type == "VECTOR") return Vector(random);
  if (type == "NUMERIC") return random.Below(2) == 0 ? TextLiteral(random.Number(40)) : Integer(random);
  if (type == "BOOLEAN") return random.Below(2) == 0 ? TextLiteral(random.Boolean()) : absl::StrCat(random.Below(2));
  if (type == "DATETIME") {
    return random.Below(3) == 0 ? absl::StrCat(random.Below(4'000'000'000'000)) : TextLiteral(random.Time());
  }
  if (type == "JSON") return TextLiteral(random.Json(3));
  if (type == "UUID") return TextLiteral(random.Uuid());
  return random.Below(2) == 0 ? Integer(random) : TextLiteral(random.Letters("abcdef", 12));
}

std::vector<RandomColumn> Columns(RandomTexts& random) {
  std::vector<RandomColumn> columns;
  const std::uint64_t count = 1 + random.Below(8);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string type = random.Pick<std::string>(
        {"INTEGER", "REAL", "TEXT", "BLOB", "VECTOR", "NUMERIC", "BOOLEAN", "DATETIME", "JSON", "UUID", ""});
    const std::string name = type == "VECTOR"
                                 ? absl::StrCat("embedding_", i)
                                 : absl::StrCat(random.Pick<std::string>({"c", "C", "größe ", "a\"b", "x'y"}), i);
    columns.push_back({name, type});
  }
  return columns;
}

void WriteTable(RandomTexts& random, const std::string& table, SqliteFile& file) {
  std::vector<RandomColumn> columns = Columns(random);
  std::string key, options;
  switch (random.Below(5)) {
    case 0: columns.insert(columns.begin(), {"id", "INTEGER", true}), key = "PRIMARY KEY (id AUTOINCREMENT)"; break;
    case 1: columns.insert(columns.begin(), {"name", "TEXT", true}), key = "PRIMARY KEY (name)"; break;
    case 2: columns.insert(columns.begin(), {"id", "UUID", true}), key = "PRIMARY KEY (id)"; break;
    case 3:
      columns.insert(columns.begin(), {{"a", "TEXT", true}, {"b", "INTEGER", true}});
      key = absl::StrCat("PRIMARY KEY (a, b", random.Below(2) == 0 ? " DESC)" : ")");
      options = " WITHOUT ROWID";
      break;
    default: break;  // none
  }
  std::vector<std::string> definitions;
  for (const RandomColumn& column : columns) {
    // Only the name makes a column of blobs a vector.
    const std::string type = column.type == "VECTOR" ? "BLOB" : column.type;
    definitions.push_back(absl::StrCat(core::QuoteIdentifier(column.name), " ", type));
  }
  if (!key.empty()) definitions.push_back(key);
  const std::string quoted = core::QuoteIdentifier(table);
  std::string sql =
      absl::StrCat("CREATE TABLE ", quoted, " (", absl::StrJoin(definitions, ", "), ")", options, ";\nBEGIN;\n");
  const std::uint64_t rows = random.Below(60);
  for (std::uint64_t row = 0; row < rows; ++row) {
    std::vector<std::string> values;
    for (const RandomColumn& column : columns) values.push_back(Value(random, column));
    absl::StrAppend(&sql, "INSERT OR IGNORE INTO ", quoted, " VALUES (", absl::StrJoin(values, ", "), ");\n");
  }
  file.Run(absl::StrCat(sql, "COMMIT;"));
}

}  // namespace

void WriteRandomStore(RandomTexts& random, SqliteFile& file) {
  const std::uint64_t tables = 1 + random.Below(4);
  for (std::uint64_t i = 0; i < tables; ++i) {
    WriteTable(random, absl::StrCat(random.Pick<std::string>({"t", "Table ", "ta\"ble"}), i), file);
  }
  file.Close();
}

}  // namespace vecferry::testing
