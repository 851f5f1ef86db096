#include "common/rpc/status_codec.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/core/migration.h"

namespace vecferry::rpc {
namespace {

// Leaves 2 KiB of gRPC's 8 KiB to the other metadata of a call.
constexpr std::size_t kEncodedBytesMax = 6 << 10;
constexpr absl::string_view kCut = " [cut]";

// Cuts `text`, valid UTF-8, where its percent-encoded form (three bytes for each that is not plain ASCII) would pass
// the bound.
std::string CutToBound(std::string text) {
  std::size_t encoded = 0;
  std::size_t character_at = 0;  // where the character at hand begins: nothing is cut inside one
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if ((byte & 0xc0) != 0x80) character_at = at;
    encoded += byte >= 0x20 && byte < 0x7f && byte != '%' ? 1 : 3;
    if (encoded > kEncodedBytesMax) {
      text.resize(character_at);
      absl::StrAppend(&text, kCut);
      return text;
    }
  }
  return text;
}

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), CutToBound(core::SanitizeText(status.message())));
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

}  // namespace vecferry::rpc
