#ifndef VECFERRY_TESTS_SUPPORT_WRITER_FIXTURE_H_
#define VECFERRY_TESTS_SUPPORT_WRITER_FIXTURE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/core/plan.h"
#include "common/rpc/clients.h"
#include "tests/support/test_postgres.h"
#include "writer-worker/writer_service.h"

namespace grpc {
class Server;
}

namespace vecferry::testing {

inline constexpr char kMigrationId[] = "33333333-cccc-4ccc-8ccc-333333333333";

// A row of the fixture's table `items (id bigint, content text)`. Its source key is the rowid `id`.
struct Item {
  std::int64_t id = 0;
  std::optional<std::string> content;
  bool repaired = false;
};

// A writer service over an in-process gRPC channel, a real Postgres, and a migration of one mapping with two shards
// that the test itself coordinates. Not thread-safe.
class WriterFixture {
 public:
  struct Options {
    core::LoadMode mode = core::LoadMode::kFresh;
    std::string on_conflict = "skip";
    std::string table_sql = "CREATE TABLE items (id bigint, content text)";
    std::int64_t rejects_max = 1000;
    bool counted = true;
    int spans_max = 0;  // of each stream
    writer::WriterOptions writer;
  };
  explicit WriterFixture(Options options);
  ~WriterFixture();

  TestDatabase& db() { return db_; }
  writer::WriterService& service() { return *service_; }
  std::shared_ptr<grpc::Channel> channel();  // to it, for calls that no reader makes
  // A new lease of the shard: its epoch.
  std::uint64_t Lease(int shard = 0);
  std::unique_ptr<rpc::BatchStream> Open(std::uint64_t lease_epoch, int shard = 0);
  // Stores the plan with a change, as a resume may.
  void RenewPlan(const std::function<void(core::Plan&)>& change);
  // The next batch after `after`, as a reader would build it.
  static rpc::Batch MakeBatch(const rpc::StreamPosition& after, const std::vector<Item>& items, bool end = false);
  // Sends one batch that ends the shard on a stream of its own; returns the call's status.
  absl::Status CarryAll(const std::vector<Item>& items, int shard = 0);
  // read|inserted|present|updated|conflicting|repaired|rejected over the migration.
  std::string Counters();
  // key|column|kind|action of each issue, in the order of their source rows.
  std::vector<std::string> Issues();
  // The table's rows, as id|content.
  std::vector<std::string> Items();

 private:
  core::Plan MakePlan(const Options& options) const;
  TestDatabase db_;
  postgres::Connection session_;
  const int spans_max_;
  std::uint64_t epoch_ = 0;
  std::unique_ptr<writer::WriterService> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<rpc::WriterClient> client_;
};

// A stream whose first position was taken.
struct OpenedShard {
  std::unique_ptr<rpc::BatchStream> stream;
  rpc::StreamPosition position;
};
OpenedShard OpenShard(WriterFixture& fixture, std::uint64_t lease_epoch, int shard = 0);

// Until the writer's COPY runs. In the fixture's database: the server is shared with other tests.
void AwaitOpenCopy(WriterFixture& fixture);

}  // namespace vecferry::testing

#endif  // VECFERRY_TESTS_SUPPORT_WRITER_FIXTURE_H_
