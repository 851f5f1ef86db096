// What every service answers beside its own calls: health and reflection.
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <string>

#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "common/rpc/status_codec.h"
#include "tests/support/status_matchers.h"
#include "vecferry/v1/coordinator.grpc.pb.h"

namespace vecferry::rpc {
namespace {

using ::testing::_;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::StatusIs;

// The serialized answer to an empty request.
absl::StatusOr<std::string> Call(const Server& server, const std::string& method) {
  grpc::GenericStub stub(*MakeChannel(server.address(), {}, Role::kCoordinator));
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const grpc::ByteBuffer request(nullptr, 0);
  const auto call = stub.PrepareUnaryCall(&context, method, request, &queue);
  call->StartCall();
  grpc::ByteBuffer response;
  grpc::Status status;
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  if (!status.ok()) return FromGrpc(status);
  std::string bytes;
  std::vector<grpc::Slice> slices;
  if (response.Dump(&slices).ok()) {
    for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

constexpr char kHealth[] = "/grpc.health.v1.Health/Check";
constexpr char kReflection[] = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
// HealthCheckResponse: field 1, an enumeration.
const std::string kServing = "\x08\x01", kNotServing = "\x08\x02";

TEST(RpcServerTest, TellsHealthChecksWhetherItServes) {
  v1::LeaseService::Service service;
  const auto server = Server::Start({.listen = "127.0.0.1:0"}, {&service});
  ASSERT_THAT(server, IsOk());
  EXPECT_EQ(*Call(**server, kHealth), kServing);
  (*server)->SetServing(false);
  EXPECT_EQ(*Call(**server, kHealth), kNotServing);
  (*server)->SetServing(true);
  EXPECT_EQ(*Call(**server, kHealth), kServing);
}

TEST(RpcServerTest, TellsWhatCanBeCalledWhenAsked) {
  v1::LeaseService::Service service;
  const auto silent = Server::Start({.listen = "127.0.0.1:0"}, {&service});
  ASSERT_THAT(silent, IsOk());
  EXPECT_THAT(Call(**silent, kReflection), StatusIs(absl::StatusCode::kUnimplemented, _));
  const auto telling = Server::Start({.listen = "127.0.0.1:0", .reflection = true}, {&service});
  ASSERT_THAT(telling, IsOk());
  EXPECT_THAT(Call(**telling, kReflection), IsOk());
}

TEST(RpcServerTest, NamesAPortThatIsTaken) {
  v1::LeaseService::Service service;
  const auto first = Server::Start({.listen = "127.0.0.1:0"}, {&service});
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(Server::Start({.listen = (*first)->address()}, {&service}),
              StatusIs(absl::StatusCode::kUnavailable, ::testing::HasSubstr((*first)->address())));
}

}  // namespace
}  // namespace vecferry::rpc
