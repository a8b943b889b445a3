#include "plans/base/hidden_names.hpp"

#include "plans/base/sha256.hpp"

namespace pgphase {
namespace {

const std::string k_new = "_pgphase_new_";

// Sixteen digits leave room for the prefix in 63 bytes, however long the names are.
std::string digest(const TableName& table, const std::string& column = {}) {
  return sha256_hex(table.schema + '\0' + table.name + '\0' + column).substr(0, 16);
}

}  // namespace

std::string not_null_proof_name(const TableName& table, const std::string& column) {
  return "_pgphase_not_null_" + digest(table, column);
}

std::string null_guard_name(const TableName& table, const std::string& column, char event) {
  return "~pgphase_wanted_" + digest(table, column) + "_" + event;
}

std::string sync_function_name(const TableName& table) {
  return "sync_" + digest(table);
}

std::string new_column_name(const TableName& table, const std::string& column) {
  return k_new + digest(table, column);
}

bool is_new_column_name(const std::string& name) {
  return name.starts_with(k_new);
}

std::string twin_name(const TableName& table, const std::string& column, const std::string& name) {
  return k_new + digest(table, column + '\0' + name);
}

std::string set_aside_name(const TableName& table, const std::string& column, const std::string& name) {
  return "_pgphase_old_" + digest(table, column + '\0' + name);
}

}  // namespace pgphase
