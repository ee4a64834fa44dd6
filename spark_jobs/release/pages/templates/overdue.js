const notice = document.getElementById("overdue");
notice.hidden = Date.now() <= Date.parse(notice.dataset.due);
