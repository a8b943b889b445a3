#include "plans/sql/deparse.hpp"

#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>

#include <bit>
#include <cstdint>
#include <unordered_map>

#include "plans/sql/field_names.hpp"
#include "plans/sql/tree.hpp"

namespace pgphase::tree {
namespace {

// Protobuf's wire format: https://protobuf.dev/programming-guides/encoding/
enum Wire : std::uint32_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

void put_varint(std::uint64_t value, std::string& out) {
  while (value >= 0x80) {
    out += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

void put_tag(std::uint32_t field, Wire wire, std::string& out) {
  put_varint(static_cast<std::uint64_t>(field) << 3 | wire, out);
}

void put_bytes(std::string_view value, std::string& out) {
  put_varint(value.size(), out);
  out += value;
}

template <class Bits, class Value>
void put_fixed(Value value, std::string& out) {
  auto bits = std::bit_cast<Bits>(value);
  for (std::size_t i = 0; i < sizeof bits; ++i, bits >>= 8) out += static_cast<char>(bits & 0xFF);
}

using Fields = std::unordered_map<std::string, const ProtobufCFieldDescriptor*>;

const Fields& fields_of(const ProtobufCMessageDescriptor& message) {
  thread_local std::unordered_map<const ProtobufCMessageDescriptor*, Fields> k_known;
  auto& fields = k_known[&message];
  if (fields.empty()) {
    for (unsigned i = 0; i < message.n_fields; ++i) fields[plain_name(message.fields[i].name)] = &message.fields[i];
  }
  return fields;
}

bool put_message(const ProtobufCMessageDescriptor& message, const json::object& body, std::string& out);

std::optional<std::int64_t> enum_value(const ProtobufCEnumDescriptor& type, std::string_view name) {
  for (unsigned i = 0; i < type.n_values; ++i) {
    if (type.values[i].name == name) return type.values[i].value;
  }
  return std::nullopt;
}

bool put_number(const ProtobufCFieldDescriptor& field, const json::value& value, std::string& out) {
  std::int64_t number = 0;
  if (value.is_bool()) {
    number = value.get_bool() ? 1 : 0;
  } else if (value.is_int64()) {
    number = value.get_int64();
  } else if (value.is_uint64()) {
    number = static_cast<std::int64_t>(value.get_uint64());
  } else if (value.is_string() && field.type == PROTOBUF_C_TYPE_ENUM) {
    const auto found = enum_value(*static_cast<const ProtobufCEnumDescriptor*>(field.descriptor),
                                  {value.get_string().data(), value.get_string().size()});
    if (!found) return false;
    number = *found;
  } else {
    return false;
  }
  put_tag(field.id, Wire::varint, out);
  put_varint(static_cast<std::uint64_t>(number), out);
  return true;
}

bool put_one(const ProtobufCFieldDescriptor& field, const json::value& value, std::string& out) {
  switch (field.type) {
    case PROTOBUF_C_TYPE_MESSAGE: {
      if (!value.is_object()) return false;
      std::string inner;
      const auto& type = *static_cast<const ProtobufCMessageDescriptor*>(field.descriptor);
      if (!put_message(type, value.get_object(), inner)) return false;
      put_tag(field.id, Wire::bytes, out);
      put_bytes(inner, out);
      return true;
    }
    case PROTOBUF_C_TYPE_STRING:
      if (!value.is_string()) return false;
      put_tag(field.id, Wire::bytes, out);
      put_bytes({value.get_string().data(), value.get_string().size()}, out);
      return true;
    case PROTOBUF_C_TYPE_DOUBLE:
      if (!value.is_number()) return false;
      put_tag(field.id, Wire::fixed64, out);
      put_fixed<std::uint64_t>(value.to_number<double>(), out);
      return true;
    case PROTOBUF_C_TYPE_FLOAT:
      if (!value.is_number()) return false;
      put_tag(field.id, Wire::fixed32, out);
      put_fixed<std::uint32_t>(static_cast<float>(value.to_number<double>()), out);
      return true;
    default:
      return put_number(field, value, out);
  }
}

bool put_message(const ProtobufCMessageDescriptor& message, const json::object& body, std::string& out) {
  const auto& fields = fields_of(message);
  for (const auto& [key, value] : body) {
    const auto found = fields.find(plain_name({key.data(), key.size()}));
    if (found == fields.end()) return false;
    if (!value.is_array()) {
      if (!put_one(*found->second, value, out)) return false;
      continue;
    }
    for (const auto& item : value.get_array()) {
      if (!put_one(*found->second, item, out)) return false;
    }
  }
  return true;
}

std::optional<std::string> deparsed(std::string_view tag, const json::object& body) {
  const json::object tree{{"version", PG_VERSION_NUM},
                          {"stmts", json::array{json::object{{"stmt", json::object{{tag, body}}}}}}};
  std::string wire;
  if (!put_message(pg_query__parse_result__descriptor, tree, wire)) return std::nullopt;
  const auto result = pg_query_deparse_protobuf({wire.size(), wire.data()});
  std::optional<std::string> out;
  if (!result.error && result.query) out = result.query;
  pg_query_free_deparse_result(result);
  return out;
}

bool is_place(std::string_view key) {
  return key == "location" || key == "stmt_location" || key == "stmt_len";
}

}  // namespace

bool same_tree(const json::value& a, const json::value& b) {
  if (a.kind() != b.kind()) return false;
  if (a.is_array()) {
    const auto& left = a.get_array();
    const auto& right = b.get_array();
    if (left.size() != right.size()) return false;
    for (std::size_t i = 0; i < left.size(); ++i) {
      if (!same_tree(left[i], right[i])) return false;
    }
    return true;
  }
  if (!a.is_object()) return a == b;
  const auto& left = a.get_object();
  const auto& right = b.get_object();
  const auto covers = [](const json::object& one, const json::object& other) {
    for (const auto& [key, value] : one) {
      if (!is_place({key.data(), key.size()}) && !other.contains(key)) return false;
    }
    return true;
  };
  if (!covers(left, right) || !covers(right, left)) return false;
  for (const auto& [key, value] : left) {
    if (!is_place({key.data(), key.size()}) && !same_tree(value, right.at(key))) return false;
  }
  return true;
}

std::optional<std::string> deparse(std::string_view tag, const json::object& body) {
  auto out = deparsed(tag, body);
  if (!out) return std::nullopt;
  const auto again = parse(*out);
  if (!again || again->size() != 1 || again->front().tag != tag) return std::nullopt;
  if (!same_tree(again->front().node, body)) return std::nullopt;
  return out;
}

namespace {

std::optional<std::string> as_target(json::value node) {
  constexpr std::string_view k_select = "SELECT ";
  const json::object select{
      {"targetList", json::array{json::object{{"ResTarget", json::object{{"val", std::move(node)}}}}}},
      {"limitOption", "LIMIT_OPTION_DEFAULT"},
      {"op", "SETOP_NONE"}};
  auto out = deparse("SelectStmt", select);
  if (!out || !out->starts_with(k_select)) return std::nullopt;
  return out->substr(k_select.size());
}

}  // namespace

std::optional<std::string> deparse_expression(const json::value& node) {
  return as_target(node);
}

std::optional<std::string> deparse_type(const json::object& type_name) {
  constexpr std::string_view k_null = "NULL::";
  auto out = as_target(
      json::object{{"TypeCast", json::object{{"arg", json::object{{"A_Const", json::object{{"isnull", true}}}}},
                                             {"typeName", type_name}}}});
  if (!out || !out->starts_with(k_null)) return std::nullopt;
  return out->substr(k_null.size());
}

}  // namespace pgphase::tree
