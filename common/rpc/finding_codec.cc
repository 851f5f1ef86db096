// What a verifier found: checks, differences, recall, sizes. Texts are made valid UTF-8, as in report_codec.cc.
#include "common/core/migration.h"
#include "common/rpc/plan_codec.h"

namespace vecferry::rpc {
namespace {

using core::SanitizeText;

void ToProto(const core::LatencyReport& latency, v1::Latency* proto) {
  proto->set_p50(latency.p50);
  proto->set_p95(latency.p95);
  proto->set_p99(latency.p99);
}

core::LatencyReport FromProto(const v1::Latency& proto) { return {proto.p50(), proto.p95(), proto.p99()}; }

}  // namespace

v1::Check ToProto(const core::CheckReport& check) {
  v1::Check proto;
  proto.set_name(check.name);
  proto.set_table(SanitizeText(check.table));
  proto.set_verdict(check.verdict);
  proto.set_expected(SanitizeText(check.expected));
  proto.set_actual(SanitizeText(check.actual));
  proto.set_evidence(SanitizeText(check.evidence));
  return proto;
}

core::CheckReport FromProto(const v1::Check& proto) {
  return {proto.name(), proto.table(), proto.verdict(), proto.expected(), proto.actual(), proto.evidence()};
}

v1::Difference ToProto(const core::DifferenceReport& difference) {
  v1::Difference proto;
  proto.set_table(SanitizeText(difference.table));
  proto.set_key(SanitizeText(difference.key));
  proto.set_columns(SanitizeText(difference.columns));
  proto.set_kind(difference.kind);
  proto.set_detail(SanitizeText(difference.detail));
  return proto;
}

core::DifferenceReport FromProto(const v1::Difference& proto) {
  return {proto.table(), proto.key(), proto.columns(), proto.kind(), proto.detail()};
}

v1::Recall ToProto(const core::RecallReport& recall) {
  v1::Recall proto;
  proto.set_table(SanitizeText(recall.table));
  proto.set_column(SanitizeText(recall.column));
  proto.set_model(SanitizeText(recall.model));
  proto.set_slice(SanitizeText(recall.slice));
  proto.set_metric(recall.metric);
  proto.set_k(recall.k);
  proto.set_queries(recall.queries);
  proto.set_exact(recall.exact);
  proto.set_index(recall.index);
  ToProto(recall.by_index, proto.mutable_by_index());
  ToProto(recall.without_index, proto.mutable_without_index());
  return proto;
}

core::RecallReport FromProto(const v1::Recall& proto) {
  core::RecallReport recall;
  recall.table = proto.table();
  recall.column = proto.column();
  recall.model = proto.model();
  recall.slice = proto.slice();
  recall.metric = proto.metric();
  recall.k = static_cast<int>(proto.k());
  recall.queries = static_cast<int>(proto.queries());
  recall.exact = proto.exact();
  recall.index = proto.index();
  recall.by_index = FromProto(proto.by_index());
  recall.without_index = FromProto(proto.without_index());
  return recall;
}

v1::TableSize ToProto(const core::TableSize& size) {
  v1::TableSize proto;
  proto.set_table(SanitizeText(size.table));
  proto.set_rows(size.rows);
  proto.set_table_bytes(size.table_bytes);
  proto.set_index_bytes(size.index_bytes);
  proto.set_dead_tuples(size.dead_tuples);
  return proto;
}

core::TableSize FromProto(const v1::TableSize& proto) {
  core::TableSize size;
  size.table = proto.table();
  size.rows = static_cast<std::int64_t>(proto.rows());
  size.table_bytes = static_cast<std::int64_t>(proto.table_bytes());
  size.index_bytes = static_cast<std::int64_t>(proto.index_bytes());
  size.dead_tuples = static_cast<std::int64_t>(proto.dead_tuples());
  return size;
}

}  // namespace vecferry::rpc
