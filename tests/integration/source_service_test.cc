// A source's copy from the coordinator to a worker, over real gRPC.
#include "coordinator/source_service.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/rpc/channel.h"
#include "common/source/local_copies.h"
#include "tests/support/status_matchers.h"
#include "vecferry/v1/source.grpc.pb.h"

namespace vecferry::coordinator {
namespace {

using ::testing::_;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::StatusIs;
namespace fs = std::filesystem;

constexpr char kId[] = "01234567-89ab-4cde-8f01-23456789abcd";
constexpr std::int64_t kMiB = 1 << 20;
// More than what is on its way in gRPC's buffers when the first piece is there.
constexpr std::int64_t kBytes = 24 * kMiB + 4096;

bool Never() { return false; }

std::string Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A server on a port of its own, which it keeps when it is started again.
class PortServer {
 public:
  explicit PortServer(grpc::Service* service) : service_(service) { Start(); }
  ~PortServer() { Stop(); }
  PortServer(const PortServer&) = delete;
  PortServer& operator=(const PortServer&) = delete;
  void Start() {
    grpc::ServerBuilder builder;
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    // A client that waits for long sends signs of life, which are no reason to cut it off.
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1000);
    builder.AddListeningPort(address(), grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(service_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }
  // Cuts off what runs, as the end of its process does.
  void Stop() {
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
  }
  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }

 private:
  grpc::Service* const service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

// Looks on at a client's calls and what comes.
class WatchedClient : public rpc::SourceClient {
 public:
  explicit WatchedClient(const std::string& address)
      : client_(rpc::MakeSourceClient(
            grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), rpc::MakeChannelArguments()))) {}
  std::function<void(int call)> before_call = [](int) {};
  std::function<void(const rpc::SourceChunk&)> on_chunk = [](const rpc::SourceChunk&) {};
  std::vector<std::int64_t> offsets;  // of the calls
  std::int64_t bytes = 0;

  absl::Status Fetch(const std::string& snapshot, std::uint64_t offset, const std::function<bool()>& stopping,
                     const std::function<absl::Status(const rpc::SourceChunk&)>& take) override {
    offsets.push_back(static_cast<std::int64_t>(offset));
    before_call(static_cast<int>(offsets.size()));
    return client_->Fetch(snapshot, offset, stopping, [&](const rpc::SourceChunk& chunk) {
      bytes += static_cast<std::int64_t>(chunk.data.size());
      const absl::Status taken = take(chunk);
      on_chunk(chunk);
      return taken;
    });
  }

 private:
  const std::unique_ptr<rpc::SourceClient> client_;
};

class SourceServiceTest : public ::testing::Test {
 protected:
  SourceServiceTest() {
    std::string pattern = (fs::temp_directory_path() / "vecferry-source-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    scratch_ = absl::StrCat(folder_, "/scratch");
    fs::create_directory(scratch_);
    copy_.path = absl::StrCat(folder_, "/copy");
    for (std::int64_t i = 0; i < kBytes; i += 8) bytes_.append(reinterpret_cast<const char*>(&i), 8);
    std::ofstream(copy_.path, std::ios::binary) << bytes_;
    sqlite::RunningSum sum;
    sum.Add(bytes_);
    copy_.sum = {kBytes, sum.Get()};
  }
  ~SourceServiceTest() override { fs::remove_all(folder_); }

  absl::StatusOr<SentCopy> Find(const std::string& snapshot) {
    if (snapshot == kId) return copy_;
    return absl::NotFoundError(absl::StrCat("no copy ", snapshot));
  }
  FindCopy find() {
    return [this](const std::string& snapshot) { return Find(snapshot); };
  }
  // What lies at the worker then. These bytes are no database: opening them fails, and only then.
  std::string FetchedBy(rpc::SourceClient& client) {
    source::FetchOptions options;
    options.pause = options.pause_max = absl::Milliseconds(20);
    options.tries_max = 500;  // a channel waits for a second before it connects anew
    EXPECT_THAT(source::LocalCopies(scratch_, options).Open(kId, client, Never),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not a SQLite database")));
    return Read(absl::StrCat(scratch_, "/vecferry-fetched-", kId, ".db"));
  }

  std::string folder_, scratch_, bytes_;
  SentCopy copy_;
};

TEST_F(SourceServiceTest, SendsPiecesWithTheWholeFilesSizeAndChecksum) {
  const auto service = MakeSourceService(find());
  PortServer server(service.get());
  WatchedClient client(server.address());
  for (const std::int64_t begin : {std::int64_t{0}, kMiB, kBytes - 1, kBytes}) {
    std::string came;
    int pieces = 0;
    EXPECT_THAT(client.Fetch(kId, static_cast<std::uint64_t>(begin), Never,
                             [&](const rpc::SourceChunk& chunk) {
                               came += chunk.data;
                               ++pieces;
                               EXPECT_LE(chunk.data.size(), static_cast<std::size_t>(kMiB));
                               EXPECT_EQ(chunk.file_bytes, static_cast<std::uint64_t>(kBytes));
                               EXPECT_EQ(chunk.file_xxh3, copy_.sum.xxh3);
                               return absl::OkStatus();
                             }),
                IsOk());
    EXPECT_TRUE(came == bytes_.substr(static_cast<std::size_t>(begin))) << begin;
    EXPECT_EQ(pieces, std::max<std::int64_t>(1, (kBytes - begin + kMiB - 1) / kMiB));
  }
  const auto nothing = [](const rpc::SourceChunk&) { return absl::InternalError("a piece"); };
  EXPECT_THAT(client.Fetch(kId, kBytes + 1, Never, nothing),
              StatusIs(absl::StatusCode::kOutOfRange,
                       AllOf(HasSubstr(absl::StrCat(kBytes, " bytes")), HasSubstr(absl::StrCat(kBytes + 1)))));
  EXPECT_THAT(client.Fetch("another", 0, Never, nothing), StatusIs(absl::StatusCode::kNotFound, HasSubstr("another")));
}

TEST_F(SourceServiceTest, SendsOnWhatIsRemovedMeanwhile) {
  const auto service = MakeSourceService(find());
  PortServer server(service.get());
  WatchedClient client(server.address());
  client.on_chunk = [&](const rpc::SourceChunk&) { fs::remove(copy_.path); };
  EXPECT_TRUE(FetchedBy(client) == bytes_);
  EXPECT_EQ(client.bytes, kBytes);
  EXPECT_THAT(client.Fetch(kId, 0, Never, [](const rpc::SourceChunk&) { return absl::OkStatus(); }),
              StatusIs(absl::StatusCode::kNotFound, _));
}

// Holds calls up where the service looks for the copy.
class Gate {
 public:
  void Pass() {
    base::MutexLock lock(&mutex_);
    ++arrived_;
    mutex_.Await([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return open_; });
  }
  void AwaitArrived(int calls) {
    base::MutexLock lock(&mutex_);
    mutex_.Await([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return arrived_ >= calls; });
  }
  int arrived() {
    base::MutexLock lock(&mutex_);
    return arrived_;
  }
  void Open() {
    base::MutexLock lock(&mutex_);
    open_ = true;
  }

 private:
  base::Mutex mutex_;
  int arrived_ ABSL_GUARDED_BY(mutex_) = 0;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
};

TEST_F(SourceServiceTest, RefusesMoreFetchesThanItBearsWithNumbers) {
  Gate gate;
  const auto service = MakeSourceService(
      [&](const std::string& snapshot) {
        gate.Pass();
        return Find(snapshot);
      },
      2);
  PortServer server(service.get());
  const auto ignore = [](const rpc::SourceChunk&) { return absl::OkStatus(); };
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] { EXPECT_THAT(WatchedClient(server.address()).Fetch(kId, 0, Never, ignore), IsOk()); });
  }
  gate.AwaitArrived(2);
  WatchedClient third(server.address());
  EXPECT_THAT(third.Fetch(kId, 0, Never, ignore),
              StatusIs(absl::StatusCode::kResourceExhausted, AllOf(HasSubstr("sends 2"), HasSubstr("2 at most"))));
  gate.Open();
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(third.Fetch(kId, 0, Never, ignore), IsOk()) << "ended calls must make room";
}

TEST_F(SourceServiceTest, CanBeGivenUpWhileNothingComes) {
  Gate gate;
  const auto service = MakeSourceService([&](const std::string& snapshot) {
    gate.Pass();
    return Find(snapshot);
  });
  PortServer server(service.get());
  WatchedClient client(server.address());
  EXPECT_THAT(client.Fetch(
                  kId, 0, [&] { return gate.arrived() > 0; }, [](const rpc::SourceChunk&) { return absl::OkStatus(); }),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("stopped")));
  gate.Open();
}

TEST_F(SourceServiceTest, IsGoneOnWithWhenTheCoordinatorDiesInTheMiddleAndComesBack) {
  const auto service = MakeSourceService(find());
  PortServer server(service.get());
  WatchedClient client(server.address());
  client.on_chunk = [&](const rpc::SourceChunk& chunk) {
    if (chunk.offset == 0) server.Stop();
  };
  // The second call meets nobody.
  client.before_call = [&](int call) {
    if (call == 3) server.Start();
  };
  EXPECT_TRUE(FetchedBy(client) == bytes_);
  EXPECT_GE(client.offsets.size(), 3u);
  EXPECT_EQ(client.bytes, kBytes) << "no byte is to come twice";
}

// Sends the copy, but for one byte of one piece in its first call, which the checksum does not allow for.
class FlippingService final : public v1::SourceService::Service {
 public:
  FlippingService(const std::string& bytes, const sqlite::FileSum& sum) : bytes_(bytes), sum_(sum) {}
  grpc::Status Fetch(grpc::ServerContext*, const v1::FetchRequest* request,
                     grpc::ServerWriter<v1::SourceChunk>* writer) override {
    for (std::uint64_t at = request->offset(); at < bytes_.size(); at += kMiB) {
      v1::SourceChunk chunk;
      std::string data = bytes_.substr(at, kMiB);
      chunk.set_offset(at);
      chunk.set_data_xxh3(XXH3_64bits(data.data(), data.size()));
      if (at == 3 * kMiB && !flipped_.exchange(true)) data[77] ^= 4;
      chunk.set_data(data);
      chunk.set_file_bytes(bytes_.size());
      chunk.set_file_xxh3_128(sum_.xxh3.ToBytes());
      if (!writer->Write(chunk)) break;
    }
    return grpc::Status::OK;
  }

 private:
  const std::string& bytes_;
  const sqlite::FileSum sum_;
  std::atomic<bool> flipped_ = false;
};

TEST_F(SourceServiceTest, APieceWithAnotherByteIsAskedForOnceMore) {
  FlippingService service(bytes_, copy_.sum);
  PortServer server(&service);
  WatchedClient client(server.address());
  EXPECT_TRUE(FetchedBy(client) == bytes_);
  EXPECT_THAT(client.offsets, ElementsAre(0, 3 * kMiB));
  EXPECT_EQ(client.bytes, kBytes) << "the damaged piece must not be handed out";
}

}  // namespace
}  // namespace vecferry::coordinator
