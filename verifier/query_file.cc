#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "verifier/recall.h"

namespace vecferry::verifier {
namespace {

using Queries = std::vector<std::vector<float>>;

// 5,000 queries of 3,072 numbers: more than anybody waits for.
constexpr std::streamoff kFileBytesMax = 64 * 1024 * 1024;
constexpr std::int32_t kDimensionMax = 16000;  // pgvector's

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::error_code none;
  if (!std::filesystem::is_regular_file(path, none)) return absl::InvalidArgumentError("there is no such file");
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = file.tellg();
  if (size < 0) return absl::InvalidArgumentError("it cannot be read");
  if (size > kFileBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("it has ", size, " bytes, ", kFileBytesMax, " at most"));
  }
  std::string bytes(static_cast<std::size_t>(size), '\0');
  file.seekg(0);
  if (!file.read(bytes.data(), size)) return absl::InvalidArgumentError("it cannot be read");
  return bytes;
}

absl::StatusOr<float> ReadNumber(const nlohmann::json& number) {
  if (!number.is_number())
    return absl::InvalidArgumentError(absl::StrCat("a number was expected, not ", number.type_name()));
  const double value = number.get<double>();
  if (std::abs(value) > std::numeric_limits<float>::max()) {
    return absl::InvalidArgumentError(absl::StrCat(value, " is beyond a float's range"));
  }
  return static_cast<float>(value);
}

absl::StatusOr<Queries> ReadJson(const std::string& text) {
  nlohmann::json document;
  try {
    document = nlohmann::json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    return absl::InvalidArgumentError(error.what());  // has line and column
  }
  if (!document.is_array()) return absl::InvalidArgumentError("it is JSON, but no array of arrays of numbers");
  Queries queries;
  for (const nlohmann::json& query : document) {
    const std::string where = absl::StrCat("query ", queries.size() + 1);
    if (!query.is_array() || query.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(where, ": an array of numbers was expected"));
    }
    std::vector<float> numbers;
    for (const nlohmann::json& element : query) {
      const absl::StatusOr<float> number = ReadNumber(element);
      if (!number.ok()) {
        return absl::InvalidArgumentError(
            absl::StrCat(where, ", number ", numbers.size() + 1, ": ", number.status().message()));
      }
      numbers.push_back(*number);
    }
    queries.push_back(std::move(numbers));
  }
  return queries;
}

std::uint32_t LittleEndian(const char* bytes) {
  std::uint32_t number = 0;
  for (int i = 3; i >= 0; --i) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

absl::StatusOr<Queries> ReadFvecs(const std::string& bytes) {
  Queries queries;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::string where = absl::StrCat("query ", queries.size() + 1, " at byte ", at);
    if (bytes.size() - at < 4) return absl::InvalidArgumentError(absl::StrCat(where, ": its dimension is cut off"));
    const auto dimension = static_cast<std::int32_t>(LittleEndian(bytes.data() + at));
    if (dimension < 1 || dimension > kDimensionMax) {
      return absl::InvalidArgumentError(
          absl::StrCat(where, ": its dimension is ", dimension, ", from 1 to ", kDimensionMax, " was expected"));
    }
    at += 4;
    if (bytes.size() - at < static_cast<std::size_t>(dimension) * 4) {
      return absl::InvalidArgumentError(absl::StrCat(
          where, ": ", dimension, " numbers were expected, the file ends after ", (bytes.size() - at) / 4));
    }
    std::vector<float> numbers(dimension);
    for (float& number : numbers) {
      const std::uint32_t bits = LittleEndian(bytes.data() + at);
      std::memcpy(&number, &bits, sizeof(number));
      if (!std::isfinite(number))
        return absl::InvalidArgumentError(absl::StrCat(where, ": byte ", at, " begins no finite number"));
      at += 4;
    }
    queries.push_back(std::move(numbers));
  }
  return queries;
}

absl::StatusOr<Queries> ReadEither(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  // A dimension leaves the upper bytes of its four zero; no text holds a zero byte.
  const bool binary = bytes.substr(0, 4).find('\0') != std::string::npos;
  ASSIGN_OR_RETURN(Queries queries, binary ? ReadFvecs(bytes) : ReadJson(bytes));
  if (queries.empty()) return absl::InvalidArgumentError("it holds no query");
  return queries;
}

}  // namespace

absl::StatusOr<Queries> ReadQueries(const std::string& path) {
  absl::StatusOr<Queries> queries = ReadEither(path);
  if (queries.ok()) return queries;
  return absl::InvalidArgumentError(absl::StrCat("the query vectors of ", path, ": ", queries.status().message()));
}

}  // namespace vecferry::verifier
