#include <cmath>
#include <cstring>
#include <optional>
#include <vector>

#include "verifier/bytes.h"
#include "verifier/decimal_text.h"
#include "verifier/half.h"
#include "verifier/json_tokens.h"
#include "verifier/read_rules.h"
#include "verifier/vector_bytes.h"

namespace vecferry::verifier {
namespace {

using core::StorageClass;

// "" when a vector of the type can have so many components.
absl::string_view FaultOfLength(std::size_t components, int dimension) {
  if (components == 0) return "vector_length";
  if (components > kVectorComponentsMax) return "vector_too_long";
  if (dimension > 0 && components != static_cast<std::size_t>(dimension)) return "vector_dimension";
  return "";
}

absl::string_view FaultOfBlob(absl::string_view blob, int dimension) {
  return blob.size() % sizeof(float) != 0 ? "vector_length" : FaultOfLength(blob.size() / sizeof(float), dimension);
}

// The numbers of a JSON array that has nothing else.
std::optional<std::vector<Decimal>> NumbersOf(absl::string_view json) {
  JsonTokens tokens(json, /*levels_max=*/1);
  if (tokens.Next().kind != JsonToken::Kind::kBeginArray) return std::nullopt;
  std::vector<Decimal> numbers;
  while (true) {
    const JsonToken token = tokens.Next();
    switch (token.kind) {
      case JsonToken::Kind::kNumber: numbers.push_back(*ParseDecimal(token.text)); break;
      case JsonToken::Kind::kEndArray: break;
      case JsonToken::Kind::kEnd: return numbers;
      default: return std::nullopt;
    }
  }
}

struct Component {
  bool finite = true, said = true;
};

Component AppendFloat(const Decimal& decimal, std::string& out) {
  const float number = NearestFloat(decimal);
  std::uint32_t bits;
  std::memcpy(&bits, &number, sizeof(bits));
  AppendNetwork(bits, out);
  if (std::isinf(number)) return {false};
  const Magnitude magnitude = MagnitudeOf(decimal);
  return {true, magnitude == ShortestMagnitude(number) || magnitude == ExactMagnitude(number)};
}

Component AppendHalf(const Decimal& decimal, std::string& out) {
  const double number = NearestDouble(decimal);
  if (std::isinf(number)) return {false};
  const Magnitude magnitude = MagnitudeOf(decimal);
  const std::uint16_t half = NearestHalf(number, Compare(magnitude, ExactMagnitude(number)));
  AppendNetwork(half, out);
  if ((half & kHalfInfinity) == kHalfInfinity) return {false};
  return {true, magnitude == ExactMagnitude(NumberOfHalf(half))};
}

// Of either type: components by `append`.
template <typename Append>
Reading FromJson(absl::string_view json, int dimension, const Append& append, std::string& out) {
  const std::optional<std::vector<Decimal>> numbers = NumbersOf(json);
  if (!numbers) return Unfit("vector_not_blob");
  const absl::string_view fault = FaultOfLength(numbers->size(), dimension);
  if (!fault.empty()) return Unfit(fault);
  const std::size_t begin = out.size();
  AppendVectorHeader(numbers->size(), out);
  bool said = true;
  for (const Decimal& decimal : *numbers) {
    const Component component = append(decimal, out);
    if (!component.finite) {
      out.resize(begin);
      return Unfit("vector_not_finite");
    }
    said &= component.said;
  }
  return said ? Exact() : Rounded();
}

}  // namespace

Reading ReadVector(const core::ValueView& value, int dimension, std::string& out) {
  if (value.storage == StorageClass::kText) return FromJson(value.bytes, dimension, AppendFloat, out);
  if (value.storage != StorageClass::kBlob) return Unfit("vector_not_blob");
  const absl::string_view fault = FaultOfBlob(value.bytes, dimension);
  if (!fault.empty()) return Unfit(fault);
  const std::size_t begin = out.size();
  AppendVectorHeader(value.bytes.size() / sizeof(float), out);
  if (AppendTurned(value.bytes, out)) return Exact();
  out.resize(begin);
  return Unfit("vector_not_finite");
}

Reading ReadHalfvec(const core::ValueView& value, int dimension, std::string& out) {
  if (value.storage == StorageClass::kText) return FromJson(value.bytes, dimension, AppendHalf, out);
  if (value.storage != StorageClass::kBlob) return Unfit("vector_not_blob");
  const absl::string_view fault = FaultOfBlob(value.bytes, dimension);
  if (!fault.empty()) return Unfit(fault);
  const std::size_t begin = out.size();
  AppendVectorHeader(value.bytes.size() / sizeof(float), out);
  bool said = true, finite = true;
  for (std::size_t at = 0; finite && at < value.bytes.size(); at += sizeof(float)) {
    float number;
    std::memcpy(&number, value.bytes.data() + at, sizeof(number));
    finite = std::isfinite(number);
    const std::uint16_t half = finite ? NearestHalf(number, 0) : kHalfInfinity;
    finite = (half & kHalfInfinity) != kHalfInfinity;
    said &= NumberOfHalf(half) == number;
    AppendNetwork(half, out);
  }
  if (finite) return said ? Exact() : Rounded();
  out.resize(begin);
  return Unfit("vector_not_finite");
}

}  // namespace vecferry::verifier
