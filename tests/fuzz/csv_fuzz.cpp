// CSV: what is accepted is written and read back to the same cells, and each row says where it stood.
#include "base/csv.h"

#include "tests/fuzz/fuzz.h"

using namespace vitrine;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  testing::accept_or_refuse<DataError>([&] {
    const CsvTable table = parse_csv(testing::bytes_of(data, size), "input");
    std::string written = csv_line(table.header);
    for (std::size_t r = 0; r < table.size(); ++r) {
      std::vector<std::string> cells;
      for (std::size_t c = 0; c < table.header.size(); ++c) cells.emplace_back(table[r][c]);
      written += csv_line(cells);
    }
    const CsvTable again = parse_csv(written, "again");
    if (again.header != table.header || again.size() != table.size()) std::abort();
    for (std::size_t r = 0; r < table.size(); ++r) {
      if (table[r].line() < 2 || (r > 0 && table[r].line() <= table[r - 1].line())) std::abort();
      for (std::size_t c = 0; c < table.header.size(); ++c) {
        if (again[r][c] != table[r][c]) std::abort();
      }
    }
    table.misspelt_columns({"subject", "image", "class"});
  });
  return 0;
}
