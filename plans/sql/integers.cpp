#include "plans/sql/integers.hpp"

#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>

#include <memory>
#include <unordered_map>

#include "plans/sql/field_names.hpp"

namespace pgphase::tree {
namespace {

namespace json = boost::json;

struct FreeParse {
  void operator()(PgQueryProtobufParseResult* result) const {
    pg_query_free_protobuf_parse_result(*result);
    delete result;
  }
};

struct FreeTree {
  void operator()(PgQuery__ParseResult* tree) const { pg_query__parse_result__free_unpacked(tree, nullptr); }
};

template <class T>
const T& member(const ProtobufCMessage& message, unsigned offset) {
  return *reinterpret_cast<const T*>(reinterpret_cast<const char*>(&message) + offset);
}

void walk(const ProtobufCMessage& message, json::object& object);

void visit(const ProtobufCMessage* message, json::value& value) {
  if (!message || !value.is_object()) return;
  if (message->descriptor == &pg_query__integer__descriptor) {
    const auto number = reinterpret_cast<const PgQuery__Integer*>(message)->ival;
    if (number != 0) value.get_object()["ival"] = number;
    return;
  }
  walk(*message, value.get_object());
}

// Both trees side by side: what the JSON leaves out has no integer to be restored, but for those that are left out.
void walk(const ProtobufCMessage& message, json::object& object) {
  const auto& descriptor = *message.descriptor;
  std::unordered_map<std::string, json::value*> by_name;
  for (auto& entry : object) by_name[plain_name({entry.key().data(), entry.key().size()})] = &entry.value();
  for (unsigned i = 0; i < descriptor.n_fields; ++i) {
    const auto& field = descriptor.fields[i];
    if (field.type != PROTOBUF_C_TYPE_MESSAGE) continue;
    const auto found = by_name.find(plain_name(field.name));
    if (found == by_name.end()) continue;
    auto& value = *found->second;
    if (field.label == PROTOBUF_C_LABEL_REPEATED) {
      const auto count = member<std::size_t>(message, field.quantifier_offset);
      if (!value.is_array() || value.get_array().size() != count) continue;
      auto* const* items = member<ProtobufCMessage**>(message, field.offset);
      for (std::size_t at = 0; at < count; ++at) visit(items[at], value.get_array()[at]);
      continue;
    }
    const bool one_of = (field.flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
    if (one_of && member<std::uint32_t>(message, field.quantifier_offset) != field.id) continue;
    visit(member<const ProtobufCMessage*>(message, field.offset), value);
  }
}

}  // namespace

void restore_integers(const std::string& sql, json::value& tree) {
  const std::unique_ptr<PgQueryProtobufParseResult, FreeParse> parsed(
      new PgQueryProtobufParseResult(pg_query_parse_protobuf(sql.c_str())));
  if (parsed->error || !tree.is_object()) return;
  const std::unique_ptr<PgQuery__ParseResult, FreeTree> unpacked(pg_query__parse_result__unpack(
      nullptr, parsed->parse_tree.len, reinterpret_cast<const std::uint8_t*>(parsed->parse_tree.data)));
  if (unpacked) walk(unpacked->base, tree.get_object());
}

}  // namespace pgphase::tree
