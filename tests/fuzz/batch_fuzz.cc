// What a writer takes from the network: any message is a checked batch or an error.
#include <google/protobuf/stubs/logging.h>

#include "tests/fuzz/fuzz.h"
#include "writer-worker/received_batch.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace v1 = vecferry::v1;
  static google::protobuf::LogHandler* const silent = google::protobuf::SetLogHandler(nullptr);
  static_cast<void>(silent);
  v1::IngestRequest request;
  if (!request.ParseFromArray(data, static_cast<int>(size)) || !request.has_frame()) return 0;
  vecferry::writer::FrameAssembler frames;
  const auto batch = frames.Take(std::move(*request.mutable_frame()));
  if (!batch.ok() || !batch->has_value()) return 0;
  const vecferry::rpc::Batch& taken = **batch;
  std::size_t bytes = 0;
  for (const std::uint32_t tuple : taken.tuple_bytes) bytes += tuple;
  vecferry::testing::Require(bytes == taken.tuples.size(), "tuples have their bytes");
  vecferry::testing::Require(taken.sources.size() == taken.tuple_bytes.size(), "each tuple has its source");
  return 0;
}
