// File headers: whatever a file begins with, what is wrong is told in one line, and numbers stay within bounds.
#include "common/sqlite/create_sql.h"
#include "common/sqlite/file_access.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace sqlite = vecferry::sqlite;
  using vecferry::testing::Require;
  const absl::string_view bytes = vecferry::testing::AsText(data, size);
  sqlite::FileHeader header;
  header.bytes = std::string(bytes.substr(0, 100));
  header.beginning = std::string(bytes.substr(0, 512));
  header.file_bytes = static_cast<std::int64_t>(size) * 4096;
  const absl::Status told = sqlite::ExplainHeader(header, "store.db");
  Require(told.ok() || !told.message().empty(), "an error says something");
  Require(told.message().find('\n') == told.message().npos, "in one line");
  Require(header.PromisedPages() >= 0, "no negative number of pages");
  sqlite::BareWords(bytes);
  sqlite::SaysAutoincrement(bytes);
  sqlite::VirtualModule(bytes);
  return 0;
}
