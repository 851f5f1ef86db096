#ifndef VECFERRY_COMMON_RPC_SECURITY_H_
#define VECFERRY_COMMON_RPC_SECURITY_H_

#include <initializer_list>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace grpc {
class ChannelCredentials;
class ServerCredentials;
}  // namespace grpc

namespace vecferry::rpc {

// Who may call whom (docs/services.md). A certificate's common name, or one of its DNS names, says the role: its first
// label is vecferry-client, vecferry-coordinator, vecferry-reader, vecferry-writer or vecferry-verifier.
enum class Role { kClient, kCoordinator, kReader, kWriter, kVerifier };
absl::string_view ToString(Role role);
// Whether a certificate with this name is one of `role`.
bool ProvesRole(absl::string_view certificate_name, Role role);

// PEM files of one process; all empty = plain text. They are read again when they change, within two seconds, and new
// connections use what they hold then.
struct TlsFiles {
  std::string certificate, key, authority;
  // One that is given alone is a mistake to be told, not plain text.
  bool enabled() const { return !certificate.empty() || !key.empty() || !authority.empty(); }
};

// Mutual TLS, or plain text. Errors: kInvalidArgument: a file is missing, cannot be read, or holds no PEM of its kind;
// the certificate is not the key's.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(const TlsFiles& files);
// Only a server whose certificate proves `server` is spoken to: workers are reached by addresses, which no certificate
// names.
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeChannelCredentials(const TlsFiles& files, Role server);

}  // namespace vecferry::rpc

#endif  // VECFERRY_COMMON_RPC_SECURITY_H_
