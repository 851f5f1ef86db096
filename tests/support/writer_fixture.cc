#include "tests/support/writer_fixture.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "common/pgcopy/tuple.h"
#include "common/postgres/ledger.h"
#include "common/rpc/channel.h"
#include "common/rpc/plan_codec.h"

namespace vecferry::testing {
namespace {

std::string KeyOf(std::int64_t id) { return core::EncodeRecord({core::ValueView::Integer(id)}); }

void AppendTuple(const Item& item, std::string& out) {
  pgcopy::TupleWriter writer(out);
  writer.BeginTuple(2);
  writer.BeginField();
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(item.id >> shift));
  writer.EndField();
  if (!item.content) return writer.Null();
  writer.BeginField();
  out += *item.content;
  writer.EndField();
}

void MustBeOk(const absl::Status& status) { ASSERT_TRUE(status.ok()) << status; }

}  // namespace

core::Plan WriterFixture::MakePlan(const Options& options) const {
  core::Plan plan;
  plan.identity.destination_schema = "public";
  plan.identity.on_conflict = options.on_conflict;
  plan.tables.emplace_back().name = "items";
  core::Mapping& mapping = plan.mappings.emplace_back();
  mapping.source_table = "source_items";
  mapping.destination_table = "items";
  mapping.mode = options.mode;
  mapping.counted = options.counted;
  mapping.conflict_key = {"id"};
  mapping.columns.resize(2);
  mapping.columns[0].name = "id";
  mapping.columns[0].type = {core::PgKind::kInt8};
  mapping.columns[1].name = "content";
  plan.shards.resize(2);
  plan.shards[1].id = 1;
  return plan;
}

WriterFixture::WriterFixture(Options options) : session_(db_.Connect()), spans_max_(options.spans_max) {
  db_.Run(options.table_sql);
  MustBeOk(postgres::EnsureLedger(session_));
  const core::Plan plan = MakePlan(options);
  postgres::MigrationRow row;
  row.id = kMigrationId;
  row.plan = rpc::SerializePlan(plan);
  row.options = absl::StrCat("{\"rejects_max\": ", options.rejects_max, "}");
  MustBeOk(postgres::InsertMigration(session_, row, plan, "public"));
  epoch_ = *postgres::TakeCoordination(session_, kMigrationId, {"test", "boot", 1}, absl::ZeroDuration());
  service_ = writer::MakeWriterService(options.writer, [this](absl::string_view name) -> absl::StatusOr<std::string> {
    if (name != "destination") return absl::NotFoundError(absl::StrCat("no connection is named ", name));
    return db_.conninfo();
  });
  grpc::ServerBuilder builder;
  builder.RegisterService(service_->service());
  server_ = builder.BuildAndStart();
  client_ = rpc::MakeWriterClient(channel());
}

WriterFixture::~WriterFixture() {
  service_->Drain(absl::Now());
  server_->Shutdown();
}

std::uint64_t WriterFixture::Lease(int shard) {
  const auto lease = postgres::GrantLease(session_, kMigrationId, epoch_, shard, "test", absl::Seconds(30));
  EXPECT_TRUE(lease.ok()) << lease.status();
  return *lease;
}

std::shared_ptr<grpc::Channel> WriterFixture::channel() {
  return server_->InProcessChannel(rpc::MakeChannelArguments());
}

std::unique_ptr<rpc::BatchStream> WriterFixture::Open(std::uint64_t lease_epoch, int shard) {
  return client_->OpenShard({kMigrationId, shard, lease_epoch, "destination", spans_max_});
}

void WriterFixture::RenewPlan(const std::function<void(core::Plan&)>& change) {
  core::Plan plan = *rpc::ParsePlan(postgres::GetMigration(session_, kMigrationId)->plan);
  change(plan);
  MustBeOk(postgres::SetPlan(session_, kMigrationId, epoch_, rpc::SerializePlan(plan)));
}

rpc::Batch WriterFixture::MakeBatch(const rpc::StreamPosition& after, const std::vector<Item>& items, bool end) {
  rpc::Batch batch;
  batch.sequence = after.next_sequence;
  batch.key_before_first = batch.last_key = after.last_key;
  for (const Item& item : items) {
    const std::size_t before = batch.tuples.size();
    AppendTuple(item, batch.tuples);
    batch.tuple_bytes.push_back(static_cast<std::uint32_t>(batch.tuples.size() - before));
    batch.sources.push_back({KeyOf(item.id), "", item.repaired});
    batch.last_key = KeyOf(item.id);
    batch.rows_repaired += item.repaired ? 1 : 0;
    batch.source_sum += core::HashRow({core::ValueView::Integer(item.id)});
  }
  batch.rows_read = items.size();
  batch.end_of_shard = end;
  return batch;
}

absl::Status WriterFixture::CarryAll(const std::vector<Item>& items, int shard) {
  auto stream = Open(Lease(shard), shard);
  const auto position = stream->NextPosition();
  if (!position.ok()) return stream->Finish();
  stream->Send(MakeBatch(*position, items, /*end=*/true)).IgnoreError();  // the final status tells
  return stream->Finish();
}

std::string WriterFixture::Counters() {
  return db_.Query(
      "SELECT sum(rows_read), sum(inserted), sum(present), sum(updated), sum(conflicting), sum(repaired), "
      "sum(rejected) FROM vecferry.shard")[0];
}

std::vector<std::string> WriterFixture::Issues() {
  return db_.Query("SELECT source_key->>'rowid', column_name, kind, action FROM vecferry.issues ORDER BY source_rowid");
}

std::vector<std::string> WriterFixture::Items() {
  return db_.Query("SELECT id, content FROM items ORDER BY id, content");
}

OpenedShard OpenShard(WriterFixture& fixture, std::uint64_t lease_epoch, int shard) {
  OpenedShard opened{fixture.Open(lease_epoch, shard), {}};
  const auto position = opened.stream->NextPosition();
  EXPECT_TRUE(position.ok()) << position.status();
  if (position.ok()) opened.position = *position;
  return opened;
}

void AwaitOpenCopy(WriterFixture& fixture) {
  const std::string copying =
      "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY%' AND state = 'active' "
      "AND datname = current_database()";
  while (fixture.db().QueryValue(copying) == "0") std::this_thread::yield();
}

}  // namespace vecferry::testing
