"""Cases: what people work on. Filing from findings, the workflow, the decisions of the commission."""
