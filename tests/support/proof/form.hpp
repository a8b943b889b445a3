// The forms of statements that are carried out on a real server, and compared with what the rules say of them
// (docs/design/effects.md).
//
// Constant data; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgphase::testing::proof {

// A database to carry the form out in: what `setup` makes beside the tables of k_base. Statements that must not share a
// transaction are parted by ";;".
struct State {
  std::string_view label;
  std::string_view setup;
};

// `main`: what is touched beside the statement's own table is shown by another form of the same rules.
enum class Shown { all, main };

struct Form {
  std::string_view name;
  std::vector<std::string_view> rules;  // each that the effects may name, in whatever state
  std::string_view statement;
  std::vector<State> states = {{"as it is", ""}};
  int from = 14, until = 99;     // servers that know it
  std::string_view before = {};  // statements of the same plan that are carried out first, parted by ";;"
  bool outside = true;           // false: only that it is refused inside a transaction is looked at
  Shown shown = Shown::all;
  // What an application asks, or writes, in a transaction that is rolled back: another answer than before is harm, be it
  // rows or an error. Empty: only queries of the columns that were there.
  std::string_view question = {};
};

inline Form asked(std::string_view question, Form form) {
  form.question = question;
  return form;
}

// Tables that are there in every state: t and r, of 1000 rows each.
extern const std::string_view k_base;

const std::vector<Form>& all_forms();

// What ";;" parts.
std::vector<std::string> parts_of(std::string_view text);

}  // namespace pgphase::testing::proof
