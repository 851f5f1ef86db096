#include <grpcpp/grpcpp.h>
#include <xxhash.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/rpc/call_span.h"
#include "common/rpc/clients.h"
#include "common/rpc/plan_codec.h"
#include "common/rpc/status_codec.h"
#include "vecferry/v1/writer.grpc.pb.h"

namespace vecferry::rpc {
namespace {

// A batch of 1 MiB of tuples with its keys and issues travels whole; 4 MiB is gRPC's bound for a received message.
constexpr std::size_t kWholeBatchBytesMax = 2 << 20;
constexpr std::size_t kPartBytesMax = 1 << 20;
// One shard is 64 MiB of rows: hours only when the destination merges into large indexes.
constexpr auto kShardTimeMax = std::chrono::hours(12);

void FillBatch(Batch batch, v1::Batch* proto) {
  proto->set_sequence(batch.sequence);
  if (batch.key_before_first) proto->set_key_before_first(*std::move(batch.key_before_first));
  if (batch.last_key) proto->set_last_key(*std::move(batch.last_key));
  proto->set_tuples_xxh3(XXH3_64bits(batch.tuples.data(), batch.tuples.size()));
  proto->set_tuples(std::move(batch.tuples));
  proto->mutable_tuple_bytes()->Assign(batch.tuple_bytes.begin(), batch.tuple_bytes.end());
  proto->mutable_sources()->Reserve(static_cast<int>(batch.sources.size()));
  for (TupleSource& source : batch.sources) {
    v1::TupleSource* added = proto->add_sources();
    added->set_key(std::move(source.key));
    added->set_reported_key(std::move(source.reported_key));
    added->set_repaired(source.repaired);
  }
  for (const core::RowIssue& issue : batch.issues) *proto->add_issues() = ToProto(issue);
  proto->mutable_counters()->set_rows_read(batch.rows_read);
  proto->mutable_counters()->set_rows_repaired(batch.rows_repaired);
  proto->mutable_counters()->set_rows_rejected(batch.rows_rejected);
  proto->mutable_counters()->set_values_rounded(batch.values_rounded);
  proto->set_source_sum(batch.source_sum.ToBytes());
  proto->set_end_of_shard(batch.end_of_shard);
}

class GrpcBatchStream : public BatchStream {
 public:
  GrpcBatchStream(v1::WriterService::Stub& stub, const v1::OpenShard& open)
      : span_(StartCallSpan(kIngest, telemetry::SpanKind::kClient, telemetry::CurrentTraceparent())) {
    IntroduceWithin(span_, context_);
    context_.set_deadline(std::chrono::system_clock::now() + kShardTimeMax);
    stream_ = stub.Ingest(&context_);
    v1::IngestRequest request;
    *request.mutable_open() = open;
    stream_->Write(request);  // a failure shows at the first NextPosition
  }

  ~GrpcBatchStream() override {
    if (finished_) return;
    context_.TryCancel();
    Finish().IgnoreError();
  }

  absl::Status Send(Batch batch) override {
    v1::IngestRequest request;
    v1::Batch* proto = request.mutable_frame()->mutable_batch();
    const std::uint64_t sequence = batch.sequence;
    FillBatch(std::move(batch), proto);
    if (proto->ByteSizeLong() <= kWholeBatchBytesMax) return Write(request, sequence);
    std::string whole;
    if (!proto->SerializeToString(&whole)) {
      return absl::InvalidArgumentError(
          absl::StrCat("batch ", sequence, " is larger than a message may be: ", proto->ByteSizeLong(), " bytes"));
    }
    request.Clear();  // a large row must not lie in memory twice while its parts are sent
    return SendParts(whole, sequence);
  }

  absl::StatusOr<StreamPosition> NextPosition() override {
    v1::IngestResponse response;
    if (!stream_->Read(&response) || response.closing()) {
      return absl::OutOfRangeError("the writer sends no more positions");
    }
    const v1::Checkpoint& checkpoint = response.checkpoint();
    StreamPosition position;
    position.next_sequence = checkpoint.next_sequence();
    if (checkpoint.has_last_key()) position.last_key = checkpoint.last_key();
    position.done = checkpoint.done();
    return position;
  }

  void DoneSending() override {
    if (!std::exchange(sending_done_, true)) stream_->WritesDone();
  }

  absl::Status Finish() override {
    DoneSending();
    // gRPC tells the status only once every response has been taken.
    v1::IngestResponse response;
    while (stream_->Read(&response)) {
    }
    finished_ = true;
    absl::Status status = FromGrpc(stream_->Finish());
    EndCallSpan(span_, status);
    return status;
  }

  void Cancel() override { context_.TryCancel(); }

 private:
  absl::Status SendParts(const std::string& whole, std::uint64_t sequence) {
    for (std::size_t at = 0; at < whole.size(); at += kPartBytesMax) {
      v1::IngestRequest request;
      request.mutable_frame()->set_part(whole.substr(at, kPartBytesMax));
      request.mutable_frame()->set_last(at + kPartBytesMax >= whole.size());
      RETURN_IF_ERROR(Write(request, sequence));
    }
    return absl::OkStatus();
  }

  absl::Status Write(const v1::IngestRequest& request, std::uint64_t sequence) {
    if (stream_->Write(request)) return absl::OkStatus();
    return absl::UnavailableError(absl::StrCat("the writer took no more at batch ", sequence));
  }

  telemetry::Span span_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::IngestRequest, v1::IngestResponse>> stream_;
  bool sending_done_ = false;
  bool finished_ = false;
};

class GrpcWriterClient : public WriterClient {
 public:
  explicit GrpcWriterClient(std::shared_ptr<grpc::Channel> channel) : stub_(std::move(channel)) {}

  std::unique_ptr<BatchStream> OpenShard(const ShardToOpen& shard) override {
    v1::OpenShard open;
    open.set_migration_id(shard.migration_id);
    open.set_shard(shard.shard);
    open.set_lease_epoch(shard.lease_epoch);
    open.set_connection(shard.connection);
    open.set_spans_max(shard.spans_max);
    return std::make_unique<GrpcBatchStream>(stub_, open);
  }

 private:
  v1::WriterService::Stub stub_;
};

}  // namespace

std::size_t HeldBytes(const Batch& batch) {
  constexpr std::size_t kRowBytes = sizeof(TupleSource) + sizeof(absl::string_view) + sizeof(void*);
  std::size_t bytes = batch.tuples.size() + batch.sources.size() * kRowBytes;
  for (const TupleSource& source : batch.sources) bytes += source.key.size() + source.reported_key.size();
  for (const core::RowIssue& issue : batch.issues) bytes += issue.raw.size();
  return bytes;
}

std::unique_ptr<WriterClient> MakeWriterClient(std::shared_ptr<grpc::Channel> channel) {
  return std::make_unique<GrpcWriterClient>(std::move(channel));
}

}  // namespace vecferry::rpc
