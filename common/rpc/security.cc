#include "common/rpc/security.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace vecferry::rpc {
namespace {

namespace tls = grpc::experimental;

constexpr unsigned kRefreshSeconds = 1;

class RoleVerifier : public tls::ExternalCertificateVerifier {
 public:
  explicit RoleVerifier(Role role) : role_(role) {}

  bool Verify(tls::TlsCustomVerificationCheckRequest* request, std::function<void(grpc::Status)>,
              grpc::Status* status) override {
    std::vector<std::string> names = {std::string(request->common_name().data(), request->common_name().size())};
    for (const grpc::string_ref& name : request->dns_names()) names.emplace_back(name.data(), name.size());
    const bool proven =
        std::any_of(names.begin(), names.end(), [this](const std::string& name) { return ProvesRole(name, role_); });
    if (!proven) {
      *status = grpc::Status(grpc::StatusCode::UNAUTHENTICATED, absl::StrCat("the peer's certificate, of '", names[0],
                                                                             "', is not one of a ", ToString(role_)));
    }
    return true;
  }
  void Cancel(tls::TlsCustomVerificationCheckRequest*) override {}

 private:
  const Role role_;
};

absl::Status CheckFile(absl::string_view flag, const std::string& path, absl::string_view kind) {
  if (path.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(flag,
                                                   " is missing: mutual TLS needs a certificate, its key and the "
                                                   "authority that signs the peers' certificates"));
  }
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return absl::InvalidArgumentError(absl::StrCat(flag, " ", path, " cannot be read"));
  if (!absl::StrContains(text.str(), absl::StrCat(kind, "-----"))) {
    return absl::InvalidArgumentError(absl::StrCat(flag, " ", path, " holds no ", kind, " in PEM form"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<tls::CertificateProviderInterface>> Provide(const TlsFiles& files) {
  RETURN_IF_ERROR(CheckFile("--tls-cert", files.certificate, "CERTIFICATE"));
  RETURN_IF_ERROR(CheckFile("--tls-key", files.key, "PRIVATE KEY"));
  RETURN_IF_ERROR(CheckFile("--tls-ca", files.authority, "CERTIFICATE"));
  return std::make_shared<tls::FileWatcherCertificateProvider>(files.key, files.certificate, files.authority,
                                                               kRefreshSeconds);
}

}  // namespace

absl::string_view ToString(Role role) {
  switch (role) {
    case Role::kClient: return "client";
    case Role::kCoordinator: return "coordinator";
    case Role::kReader: return "reader";
    case Role::kWriter: return "writer";
    case Role::kVerifier: return "verifier";
  }
  return "";
}

bool ProvesRole(absl::string_view certificate_name, Role role) {
  return certificate_name.substr(0, certificate_name.find('.')) == absl::StrCat("vecferry-", ToString(role));
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(const TlsFiles& files) {
  if (!files.enabled()) return grpc::InsecureServerCredentials();
  ASSIGN_OR_RETURN(const auto provider, Provide(files));
  tls::TlsServerCredentialsOptions options(provider);
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  return tls::TlsServerCredentials(options);
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeChannelCredentials(const TlsFiles& files, Role server) {
  if (!files.enabled()) return grpc::InsecureChannelCredentials();
  ASSIGN_OR_RETURN(const auto provider, Provide(files));
  tls::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(provider);
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_verify_server_certs(true);
  options.set_check_call_host(false);
  options.set_certificate_verifier(tls::ExternalCertificateVerifier::Create<RoleVerifier>(server));
  return tls::TlsCredentials(options);
}

}  // namespace vecferry::rpc
