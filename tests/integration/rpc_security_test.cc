// Who may call whom: mutual TLS by roles, versions, and where plain text is accepted. Certificates are openssl's.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/rpc/admission.h"
#include "common/rpc/channel.h"
#include "common/rpc/clients.h"
#include "common/rpc/server.h"
#include "common/rpc/status_codec.h"
#include "tests/support/status_matchers.h"
#include "vecferry/v1/coordinator.grpc.pb.h"

namespace vecferry::rpc {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::StatusIs;

void Shell(const std::string& command) {
  ASSERT_EQ(system(absl::StrCat(command, " 2>/dev/null").c_str()), 0) << command;
}

// A certificate authority in a folder of its own.
class Authority {
 public:
  Authority() {
    char name[] = "/tmp/vecferry-tls-XXXXXX";
    folder_ = mkdtemp(name);
    Shell(absl::StrCat(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority -keyout ",
        Path("ca.key"), " -out ", Path("ca.pem")));
  }
  ~Authority() { std::filesystem::remove_all(folder_); }

  // Files of a process whose certificate has this common name.
  TlsFiles Make(const std::string& name) const {
    const TlsFiles files = {Path(name + ".pem"), Path(name + ".key"), Path("ca.pem")};
    Shell(absl::StrCat("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=", name, " -keyout ",
                       files.key, " -out ", Path("request"), " && openssl x509 -req -days 2 -CAcreateserial -in ",
                       Path("request"), " -CA ", Path("ca.pem"), " -CAkey ", Path("ca.key"), " -out ",
                       files.certificate));
    return files;
  }

 private:
  std::string Path(const std::string& name) const { return absl::StrCat(folder_, "/", name); }
  std::string folder_;
};

// Renews every lease that a reader asks for.
class Leases : public v1::LeaseService::Service {
  grpc::Status Renew(grpc::ServerContext* context, const v1::LeaseRef*, v1::RenewResponse*) override {
    return Handle(*context, {Role::kReader}, [] { return absl::OkStatus(); });
  }
};

class SecurityTest : public ::testing::Test {
 protected:
  void Serve(const TlsFiles& tls) {
    auto server = Server::Start({.listen = "127.0.0.1:0", .tls = tls}, {&leases_});
    ASSERT_THAT(server, IsOk());
    server_ = *std::move(server);
  }

  absl::Status Call(const TlsFiles& tls, Role server = Role::kCoordinator) {
    ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel, MakeChannel(server_->address(), tls, server));
    return MakeLeaseClient(channel)->Renew({});
  }

  Leases leases_;
  std::unique_ptr<Server> server_;
  const Authority authority_;
  const TlsFiles coordinator_ = authority_.Make("vecferry-coordinator");
  const TlsFiles reader_ = authority_.Make("vecferry-reader");
};

TEST_F(SecurityTest, ServesTheRoleThatACallIsFor) {
  Serve(coordinator_);
  EXPECT_THAT(Call(reader_), IsOk());
  EXPECT_THAT(Call(authority_.Make("vecferry-reader.team-a.svc")), IsOk());
}

TEST_F(SecurityTest, RefusesAnotherRole) {
  Serve(coordinator_);
  for (const char* name : {"vecferry-client", "vecferry-writer", "vecferry-readers", "somebody"}) {
    EXPECT_THAT(Call(authority_.Make(name)),
                StatusIs(absl::StatusCode::kPermissionDenied, AllOf(HasSubstr("for a reader"), HasSubstr(name))));
  }
}

TEST_F(SecurityTest, RefusesPeersWithoutACertificateOfTheAuthority) {
  Serve(coordinator_);
  const Authority other;
  TlsFiles stranger = other.Make("vecferry-reader");
  EXPECT_THAT(Call(stranger), StatusIs(absl::StatusCode::kUnavailable, ::testing::_));
  // Even one that trusts our authority.
  stranger.authority = reader_.authority;
  EXPECT_THAT(Call(stranger), StatusIs(absl::StatusCode::kUnavailable, ::testing::_));
  EXPECT_THAT(Call({}), StatusIs(absl::StatusCode::kUnavailable, ::testing::_));
}

TEST_F(SecurityTest, SpeaksOnlyToAServerOfTheRoleThatIsMeant) {
  Serve(authority_.Make("vecferry-writer"));
  EXPECT_THAT(Call(reader_, Role::kWriter), IsOk());
  EXPECT_THAT(Call(reader_, Role::kCoordinator),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("is not one of a coordinator")));
}

TEST_F(SecurityTest, TakesUpFilesThatWereReplaced) {
  Serve(coordinator_);
  EXPECT_THAT(Call(reader_), IsOk());
  const Authority next;
  const TlsFiles renewed = next.Make("vecferry-coordinator");
  const TlsFiles reader = next.Make("vecferry-reader");
  std::filesystem::rename(renewed.authority, coordinator_.authority);
  std::filesystem::rename(renewed.key, coordinator_.key);
  std::filesystem::rename(renewed.certificate, coordinator_.certificate);
  const TlsFiles renewed_reader = {reader.certificate, reader.key, coordinator_.authority};
  while (!Call(renewed_reader).ok()) {
  }
  EXPECT_THAT(Call({reader_.certificate, reader_.key, coordinator_.authority}),
              StatusIs(absl::StatusCode::kUnavailable, ::testing::_));
}

TEST_F(SecurityTest, RefusesACallerOfAnotherPlanFormat) {
  Serve({});
  const auto stub = v1::LeaseService::NewStub(*MakeChannel(server_->address(), {}, Role::kCoordinator));
  grpc::ClientContext context;
  context.AddMetadata("vecferry-version", "9.9.9");
  context.AddMetadata("vecferry-plan-format", "99");
  v1::RenewResponse response;
  EXPECT_THAT(FromGrpc(stub->Renew(&context, {}, &response)),
              StatusIs(absl::StatusCode::kFailedPrecondition, AllOf(HasSubstr("9.9.9"), HasSubstr("plan format 99"))));
  EXPECT_THAT(Call({}), IsOk());
}

TEST_F(SecurityTest, ListensInPlainTextOnLoopbackOnly) {
  EXPECT_THAT(Server::Start({.listen = "0.0.0.0:0"}, {&leases_}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--insecure")));
  EXPECT_THAT(Server::Start({.listen = "0.0.0.0:0", .insecure = true}, {&leases_}), IsOk());
  EXPECT_THAT(Server::Start({.listen = "0.0.0.0:0", .tls = coordinator_}, {&leases_}), IsOk());
  EXPECT_THAT(Server::Start({.listen = "nowhere"}, {&leases_}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("HOST:PORT")));
}

TEST_F(SecurityTest, PlainTextIsForThisMachineAlone) {
  for (const char* address : {"127.0.0.1:1", "127.1.2.3:1", "[::1]:1", "localhost:1"}) {
    EXPECT_THAT(CheckPlainText("--coordinator", address, {}, false), IsOk()) << address;
  }
  for (const char* address :
       {"10.0.0.1:1", "127.example.org:1", "127.0.0.1.example.org:1", "[::2]:1", "coordinator:1"}) {
    EXPECT_THAT(CheckPlainText("--coordinator", address, {}, false),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr(std::string("--coordinator ") + address), HasSubstr("--insecure"))));
    EXPECT_THAT(CheckPlainText("--coordinator", address, {}, true), IsOk());
    EXPECT_THAT(CheckPlainText("--coordinator", address, reader_, false), IsOk());
  }
}

TEST_F(SecurityTest, TakesNoFileAloneForPlainText) {
  EXPECT_THAT(Server::Start({.listen = "127.0.0.1:0", .tls = {"", coordinator_.key, ""}}, {&leases_}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--tls-cert is missing")));
  EXPECT_THAT(MakeChannelCredentials({"", "", coordinator_.authority}, Role::kWriter),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--tls-cert is missing")));
}

TEST_F(SecurityTest, SaysWhichFileIsWrong) {
  EXPECT_THAT(
      Server::Start({.listen = "127.0.0.1:0", .tls = {coordinator_.certificate, "", coordinator_.authority}}, {}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--tls-key is missing")));
  EXPECT_THAT(Server::Start({.listen = "127.0.0.1:0", .tls = {coordinator_.certificate, "/no/key", "/no/ca"}}, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--tls-key /no/key cannot be read")));
  EXPECT_THAT(
      Server::Start({.listen = "127.0.0.1:0", .tls = {coordinator_.key, coordinator_.key, coordinator_.authority}}, {}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("holds no CERTIFICATE")));
}

}  // namespace
}  // namespace vecferry::rpc
