from netspace.markdown import document, head, row


def test_a_table_has_as_many_columns_in_every_line() -> None:
    lines = [*head("", "IoU", "parts"), row("all", "0.9", "1")]
    assert document(lines) == "| | IoU | parts |\n|---|---|---|\n| all | 0.9 | 1 |\n"
