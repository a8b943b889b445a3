// What a step does, which statements it executes, and what its undo keeps: for `explain` and `status`. Pure.
#pragma once

#include <string>
#include <vector>

#include "plans/phased_plan.hpp"

namespace pgphase {

std::string what_it_does(const Step& step);  // "adds the column tasks.priority"

// What is executed, forward and back, with locks and notes. Steps that decide at run time how they go back (a table or
// a column is dropped when it is certainly empty, else retired) have no undo statements: how_it_is_undone tells.
std::vector<Statement> forward_statements(const Step& step);
std::vector<Statement> undo_statements(const Step& step);

std::string how_it_is_undone(const Step& step);
std::string what_undo_keeps(const Step& step);  // for the incident card

const char* to_string(StatementKind kind);  // in JSON: "create_index_concurrently"

}  // namespace pgphase
