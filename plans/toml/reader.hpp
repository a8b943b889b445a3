// Reads the keys of one table by name and type. Every mistake goes to the Findings, with its place; reading goes on, so
// that an author sees all of them at once. finish() then names each key that nobody asked for, with the nearest one
// that exists. Used for plans and for pgphase.toml. Belongs to one thread; the table must outlive the reader.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "plans/toml/diagnostic.hpp"
#include "plans/toml/value.hpp"

namespace pgphase {

// The candidate nearest to `word` by edit distance, if it is near enough to be meant; else empty.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

class TableReader {
 public:
  // `what` names the table in messages, e.g. "[gate.constraint]" or "create_table".
  TableReader(const Table& table, std::string what, Findings& findings)
      : table_(table), what_(std::move(what)), findings_(findings) {}

  // Each returns nothing when the key is missing, and also, after an error was noted, when its type is wrong.
  std::optional<std::string> string(std::string_view key);
  std::optional<Text> text(std::string_view key);                         // a string with its place
  std::optional<std::vector<Text>> texts(std::string_view key);           // a string, or a list of strings
  std::optional<std::vector<std::string>> strings(std::string_view key);  // likewise
  std::optional<std::int64_t> integer(std::string_view key);
  std::optional<double> number(std::string_view key);  // an integer or a float
  std::optional<bool> boolean(std::string_view key);
  std::optional<std::chrono::milliseconds> duration(std::string_view key);  // "30m"
  std::optional<std::uint64_t> bytes(std::string_view key);                 // "16MiB"
  const Table* table(std::string_view key);
  std::vector<const Table*> tables(std::string_view key);  // a list of tables: [[key]] or key = [{…}]
  const std::vector<Value>* array(std::string_view key);
  const Value* value(std::string_view key);  // of any type

  // The same, and a missing key is an error.
  std::optional<std::string> required_string(std::string_view key);
  std::optional<Text> required_text(std::string_view key);

  bool has(std::string_view key) const { return table_.find(key) != nullptr; }
  Position at() const { return table_.at; }
  Position at(std::string_view key) const;  // of the key's value; of the table when the key is missing

  void missing(std::string_view key);  // note that the key is required
  void error(std::string_view key, std::string message, std::string suggestion = {});
  // The key is designed but not built: whoever writes it is told so, and what to do instead.
  void not_built(std::string_view key, std::string instead);
  // The key belongs to the format, but not here: `why` is the message.
  void refused(std::string_view key, std::string why);

  // Notes every key that was not asked for. Call it last.
  void finish();

  Findings& findings() { return findings_; }
  const std::string& what() const { return what_; }

 private:
  template <class T>
  const T* typed(std::string_view key, const char* wanted);

  const Table& table_;
  std::string what_;
  Findings& findings_;
  std::set<std::string, std::less<>> known_;   // asked for: what a misspelt key is compared with
  std::set<std::string, std::less<>> silent_;  // refused ones: known, but never suggested
};

}  // namespace pgphase
